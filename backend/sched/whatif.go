package sched

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

type undoKind uint8

const (
	undoUnplace undoKind = iota // a pod was placed
	undoPlace                   // a pod was taken away, or its value replaced
	undoNode                    // a node was changed
)

// undo is how to take one change back.
type undo struct {
	kind      undoKind
	id        uuid.UUID
	pod       *core.Pod
	node      *core.Node // nil when it was not there
	leaving   bool
	nominated bool
}

func (c *Cluster) record(u undo) {
	if c.recording > 0 {
		c.undo = append(c.undo, u)
	}
}

// WhatIf runs f, which may change nodes and pods and decide, and then takes every change back: a preview of "drain this node" or "scale to
// 40" by the very code that would do it. SetCached, packs and namespaces are not taken back.
func (c *Cluster) WhatIf(f func()) {
	mark, events := c.begin(), c.events
	defer func() {
		c.rollback(mark)
		c.events = events
		c.end()
	}()
	f()
}

func (c *Cluster) begin() (mark int) {
	c.recording++
	return len(c.undo)
}

func (c *Cluster) end() {
	if c.recording--; c.recording == 0 {
		c.undo = c.undo[:0]
	}
}

// rollback takes back everything since the mark, newest first.
func (c *Cluster) rollback(mark int) {
	recording := c.recording
	c.recording = 0
	for i := len(c.undo) - 1; i >= mark; i-- {
		u := c.undo[i]
		switch u.kind {
		case undoUnplace:
			c.Remove(u.id)
		case undoPlace:
			if p := c.pods[u.pod.ID]; p != nil {
				c.unplace(p)
			}
			c.place(u.pod, c.slotOf(u.id), u.leaving, u.nominated)
		case undoNode:
			if u.node == nil {
				c.RemoveNode(u.id)
			} else {
				c.UpsertNode(u.node)
			}
		}
		c.undo[i] = undo{}
	}
	c.undo = c.undo[:mark]
	c.recording = recording
}
