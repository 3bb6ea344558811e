package bundle

import (
	"context"
	"fmt"

	"github.com/evanw/esbuild/pkg/api"
)

// Watch bundles m, and again whenever a file that it consists of has changed, until ctx ends. built gets each bundle, or what is wrong with
// the source as Build would say it; an error of its own ends the watching. Errors: also those of Build that no change of the source mends.
func Watch(ctx context.Context, m Manifest, o Options, built func(*Result, error) error) error {
	options, err := buildOptions(m, o)
	if err != nil {
		return err
	}
	results := make(chan api.BuildResult, 1) // the newest
	options.Plugins = []api.Plugin{{Name: "tell", Setup: func(b api.PluginBuild) {
		b.OnEnd(func(r *api.BuildResult) (api.OnEndResult, error) {
			select {
			case <-results: // nobody has looked at it yet, and it is old now
			default:
			}
			results <- *r
			return api.OnEndResult{}, nil
		})
	}}}
	watcher, wrong := api.Context(options)
	if wrong != nil {
		return explain(m, wrong.Errors)
	}
	defer watcher.Dispose()
	if err := watcher.Watch(api.WatchOptions{}); err != nil {
		return fmt.Errorf("watch the pack: %w", err)
	}
	options.Plugins = nil
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case r := <-results:
			if err := built(finish(m, options, r)); err != nil {
				return err
			}
		}
	}
}
