package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const maxSelector = 2048

// querySelector reads labelSelector as Kubernetes writes it: "app=web,tier in (a, b),!old". The database filters by it.
func querySelector(c *fiber.Ctx) ([]wire.Requirement, error) {
	raw := c.Query("labelSelector")
	if len(raw) > maxSelector || strings.ContainsRune(raw, 0) {
		return nil, core.Invalid("labelSelector", "must be at most %d characters of text", maxSelector)
	}
	parsed, err := labels.Parse(raw)
	if err != nil {
		return nil, core.Invalid("labelSelector", `must be as in Kubernetes, for example "app=web,tier in (a, b),!old"`).WithCause(err)
	}
	requirements, _ := parsed.Requirements()
	var list []wire.Requirement // nil when there is none
	for _, r := range requirements {
		want := wire.Requirement{Key: r.Key(), Values: r.ValuesUnsorted()}
		switch r.Operator() {
		case selection.In, selection.Equals, selection.DoubleEquals:
			want.Op = "in"
		case selection.NotIn, selection.NotEquals:
			want.Op = "notin"
		case selection.Exists:
			want.Op = "exists"
		case selection.DoesNotExist:
			want.Op = "absent"
		default:
			return nil, core.Invalid("labelSelector", "%q is not supported: use =, !=, in, notin, a key, or !key", string(r.Operator()))
		}
		list = append(list, want)
	}
	return list, nil
}
