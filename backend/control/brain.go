package control

import (
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/control/celscore"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// maxEvictions is how many pods one plan asks to leave, more or less: a flood of important pods must not hold up the decisions for the others.
const maxEvictions = 500

// ScoreSetting holds the expression of celscore. The API refuses one that does not compile; one that was written past it counts as none, and is logged.
const ScoreSetting = "scheduler.score"

// brain is the scheduler's index and queue for one term, kept up to date by what has changed: a lone pod costs what a lone pod costs, however
// many nodes there are. One goroutine owns it.
type brain struct {
	picture  picture
	seed     uint64
	settings uint64 // the version that the index goes by; 0 is none
	preempts bool
	watch    *cluster.Watch
	index    *sched.Cluster
	queue    *sched.Queue
	waiting  map[uuid.UUID]*core.Pod // in the queue
	scored   string                  // the expression that scorer was made of
	scorer   *sched.Scorer           // nil when there is none, or none that means something
	wrong    error                   // why not
}

func newBrain(picture picture, seed uint64) *brain {
	index := sched.NewCluster(sched.Config{Seed: seed})
	return &brain{picture: picture, seed: seed, watch: picture.Watch(), index: index, queue: sched.NewQueue(index, sched.Backoff{}), waiting: map[uuid.UUID]*core.Pod{}}
}

func (b *brain) close() { b.watch.Close() }

// decide makes a plan for the pods that are worth a try now. What it places counts as placed until the picture says otherwise: the caller assumes
// it there, or lets the picture forget it. changed are pods that do not wait any more.
func (b *brain) decide(now time.Time, limit int) (plan sched.Plan, changed []uuid.UUID) {
	b.configure()
	changed = b.learn(b.watch.Take())
	pods := b.queue.Take(now)
	if len(pods) == 0 {
		return plan, changed
	}
	plan = b.index.Decide(pods, sched.Options{Limit: limit, Evictions: maxEvictions, NoPreemption: !b.preempts})
	b.queue.Settle(&plan, now)
	for _, p := range plan.Placements {
		delete(b.waiting, p.PodID)
	}
	return plan, changed
}

// configure takes in how people want pods to be placed, when that has changed. Those that have no place get another try: preemption may help them now.
func (b *brain) configure() {
	if b.settings != 0 && b.picture.SettingsVersion() == b.settings {
		return
	}
	settings := b.picture.Settings()
	b.settings = settings.Version
	cfg, preempts := scheduling(settings, b.seed)
	if expression := text(settings.Config[ScoreSetting]); expression != b.scored {
		b.scored = expression
		b.scorer, b.wrong = celscore.Compile(expression)
	}
	cfg.Scorer = b.scorer
	b.index.Configure(cfg)
	if preempts && !b.preempts {
		for _, pod := range b.waiting {
			b.queue.Add(pod)
		}
	}
	b.preempts = preempts
}

// learn takes in how things are now that have changed.
func (b *brain) learn(news cluster.News) (changed []uuid.UUID) {
	for _, id := range news.GonePacks {
		b.index.RemovePack(id)
	}
	for _, pack := range news.Packs {
		b.index.UpsertPack(pack)
	}
	for _, name := range news.GoneNamespaces {
		b.index.RemoveNamespace(name)
	}
	for _, namespace := range news.Namespaces {
		b.index.UpsertNamespace(namespace)
	}
	for _, id := range news.GoneNodes {
		b.index.RemoveNode(id)
	}
	for _, node := range news.Nodes {
		b.index.UpsertNode(node)
	}
	for _, id := range news.GonePods {
		b.index.Remove(id)
		b.unqueue(id)
		changed = append(changed, id)
	}
	for _, p := range news.Pods {
		b.place(p)
		if !p.Waiting {
			changed = append(changed, p.Pod.ID)
		}
	}
	return changed
}

func (b *brain) place(p cluster.PodPlace) {
	if p.Home != uuid.Nil {
		b.index.Place(p.Pod, p.Home)
	} else {
		b.index.Remove(p.Pod.ID)
	}
	if !p.Waiting {
		b.unqueue(p.Pod.ID)
		return
	}
	// An explanation that was written is a change of the row, too, and no reason to try again.
	if old := b.waiting[p.Pod.ID]; old != nil && old.Incarnation == p.Pod.Incarnation && maps.Equal(old.Labels, p.Pod.Labels) {
		return
	}
	b.waiting[p.Pod.ID] = p.Pod
	b.queue.Add(p.Pod)
}

func (b *brain) unqueue(id uuid.UUID) {
	if b.waiting[id] != nil {
		delete(b.waiting, id)
		b.queue.Delete(id)
	}
}
