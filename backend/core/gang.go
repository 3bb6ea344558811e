package core

import (
	"fmt"
	"strconv"
)

// Labels that make pods of one namespace a gang, for clients that know no column scheduling_group: none of them is placed until LabelGangSize of
// them can be.
const (
	LabelGang     = "stark.dev/gang"
	LabelGangSize = "stark.dev/gang-size"
)

// Gang is a group of pods that are placed together or not at all.
type Gang struct {
	Namespace string
	Name      string
	Size      int // how many must have a place at once
}

// GangOf reads a pod's gang from its group or, when it has none, from its labels; ok is false for a pod that is in none.
func GangOf(p *Pod) (gang Gang, ok bool, err error) {
	if p.Group != "" {
		return Gang{Namespace: p.Namespace, Name: p.Group, Size: int(max(1, p.GroupSize))}, true, nil
	}
	name := p.Labels[LabelGang]
	if name == "" {
		return Gang{}, false, nil
	}
	size, err := strconv.Atoi(p.Labels[LabelGangSize])
	if err != nil || size < 1 {
		return Gang{}, false, fmt.Errorf("label %s: want a positive number, have %q", LabelGangSize, p.Labels[LabelGangSize])
	}
	return Gang{Namespace: p.Namespace, Name: name, Size: size}, true, nil
}
