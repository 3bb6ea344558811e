package api

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// maxDrains is how many nodes one plan drains.
const maxDrains = 100

// plan says what would come of creating pods and deployments, of scaling and of draining, and writes nothing. Everything is looked at as the caller, and what
// they could not create is refused as creating it would be.
func (s *Server) plan(c *fiber.Ctx, who caller) error {
	var in wire.PlanRequest
	if err := decode(c, &in); err != nil {
		return err
	}
	if len(in.Pods)+len(in.Deployments)+len(in.Scale)+len(in.Drain) == 0 {
		return core.Errorf(core.CodeValidation, "nothing to plan: give pods, deployments, scale or drain")
	}
	if len(in.Drain) > maxDrains {
		return core.Invalid("drain", "must be at most %d nodes", maxDrains)
	}
	creates := in.Pods
	for i, d := range in.Deployments {
		pods, err := podsOfNew(d)
		if err != nil {
			return inList("deployments", i, err)
		}
		creates = append(creates, pods...)
	}
	owners := make([]uuid.UUID, len(creates)) // whose pods they would be; the caller's where it is none
	shrink := map[uuid.UUID]int32{}
	for i, scale := range in.Scale {
		if scale.Replicas < 0 || scale.Replicas > maxReplicas {
			return inList("scale", i, core.Invalid("replicas", "must be from 0 to %d", maxReplicas))
		}
		d, err := s.cfg.Store.Deployment(c.UserContext(), who.Actor, scale.DeploymentID)
		if err != nil {
			return inList("scale", i, err)
		}
		switch {
		case d.Mode == "daemonset":
			return inList("scale", i, core.Invalid("deploymentId", "a daemonset has no replicas"))
		case scale.Replicas < d.Replicas:
			shrink[d.ID] = scale.Replicas
			continue
		}
		pods, err := podsOf(d.Name, d.Namespace, wire.PodCreate{PackID: &d.PackID}, d.Spec, scale.Replicas-d.Replicas)
		if err != nil {
			return inList("scale", i, err)
		}
		creates = append(creates, pods...)
		for range pods {
			owners = append(owners, idOf(d.CreatedBy))
		}
	}
	if len(creates) > maxBatch {
		return core.Errorf(core.CodeValidation, "a plan makes at most %d pods", maxBatch)
	}
	for i := range creates {
		if err := checkPod(&creates[i]); err != nil {
			return inItem(i, err)
		}
	}
	drain := make([]uuid.UUID, 0, len(in.Drain))
	for i, name := range in.Drain {
		node, err := s.cfg.Store.Node(c.UserContext(), who.Actor, name)
		if err != nil {
			return inList("drain", i, err)
		}
		drain = append(drain, node.ID)
	}
	var pods []*core.Pod
	if len(creates) > 0 {
		var err error
		if pods, err = s.cfg.Store.PreviewPods(c.UserContext(), who.Actor, creates); err != nil {
			return err
		}
	}
	for i, pod := range pods {
		if owners[i] != uuid.Nil {
			pod.CreatedBy = owners[i]
		}
	}
	plan, err := s.cfg.Advisor.Plan(c.UserContext(), pods, shrink, drain)
	if err != nil {
		return err
	}
	if err := s.concealPlan(c, who, &plan); err != nil {
		return err
	}
	return ok(c, plan)
}

// inList says which entry of a list an error is about.
func inList(list string, i int, err error) error {
	return core.InField(fmt.Sprintf("%s[%d]", list, i), err)
}

// podsOfNew are the pods of a deployment that is not there yet.
func podsOfNew(d wire.DeploymentCreate) ([]wire.PodCreate, error) {
	if d.Mode == "daemonset" {
		return nil, core.Invalid("mode", "a daemonset's pods cannot be planned").WithHint("Plan one pod of it.")
	}
	replicas := int32(1)
	if d.Replicas != nil {
		replicas = *d.Replicas
	}
	if err := first(needName("name", d.Name), checkBetween("replicas", &replicas, 0, maxReplicas)); err != nil {
		return nil, err
	}
	return podsOf(d.Name, d.Namespace, wire.PodCreate{PackID: d.PackID, Pack: d.Pack, Version: d.Version}, d.Spec, replicas)
}

// podsOf are n pods as a deployment makes them from its template.
func podsOf(name, namespace string, pod wire.PodCreate, spec json.RawMessage, n int32) ([]wire.PodCreate, error) {
	if n > maxBatch {
		return nil, core.Invalid("replicas", "a plan makes at most %d pods", maxBatch)
	}
	if len(spec) > 0 {
		var template struct {
			wire.PodCreate
			CPU    string `json:"cpu"`
			Memory string `json:"memory"`
		}
		if err := json.Unmarshal(spec, &template); err != nil {
			return nil, jsonError(err)
		}
		pack := pod
		pod = template.PodCreate
		pod.PackID, pod.Pack, pod.Version = pack.PackID, pack.Pack, pack.Version
		pod.Resources = wire.Resources{CPU: template.CPU, Memory: template.Memory}
	}
	pod.Namespace = namespace
	pods := make([]wire.PodCreate, n)
	for i := range pods {
		pods[i] = pod
		pods[i].Name = fmt.Sprintf("%s-%s", name, uuid.NewString()[:8])
	}
	return pods, nil
}

func idOf(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

// concealPlan takes out the pods that the caller may not see, and the names of nodes.
func (s *Server) concealPlan(c *fiber.Ctx, who caller, plan *wire.Plan) error {
	var podIDs, nodeIDs []uuid.UUID
	lists := []*[]wire.PlannedPod{&plan.Placements, &plan.Evictions, &plan.Pending}
	for _, list := range lists {
		for _, p := range *list {
			if p.PodID != nil {
				podIDs = append(podIDs, *p.PodID)
			}
			if p.NodeID != nil {
				nodeIDs = append(nodeIDs, *p.NodeID)
			}
		}
	}
	pods, err := s.cfg.Store.VisiblePods(c.UserContext(), who.Actor, podIDs)
	if err != nil {
		return err
	}
	nodes, err := s.cfg.Store.VisibleNodes(c.UserContext(), who.Actor, nodeIDs)
	if err != nil {
		return err
	}
	seenPod, seenNode := setOf(pods), setOf(nodes)
	for _, list := range lists {
		all := len(*list)
		*list = slices.DeleteFunc(*list, func(p wire.PlannedPod) bool { return p.PodID != nil && !seenPod[*p.PodID] })
		plan.Hidden += all - len(*list)
		for i, p := range *list {
			if p.NodeID != nil && !seenNode[*p.NodeID] {
				(*list)[i].Node, (*list)[i].NodeID = "", nil
			}
		}
	}
	return nil
}

func setOf(ids []uuid.UUID) map[uuid.UUID]bool {
	set := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
