// Package celscore makes a scheduler's score of an expression in the Common Expression Language. CEL has no loops but over what is there, no I/O and no
// state, and what an evaluation may cost is limited, so that an expression can be slow or wrong but never harmful.
package celscore

import (
	"math"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

const (
	// maxLength is of an expression, in bytes.
	maxLength = 2000
	// maxCost is of one evaluation, in CEL's units: about one an operation. A dozen comparisons of labels are below 100.
	maxCost = 5000
)

// Compile makes a scorer, nil of an empty text. VALIDATION_ERROR says where the expression is wrong. It is asked for a number of percent, or for true (100) or
// false (0); a node for which it cannot be evaluated, or not within the limit, has 0.
func Compile(expression string) (*sched.Scorer, error) {
	if expression == "" {
		return nil, nil
	}
	if len(expression) > maxLength {
		return nil, core.Invalid("value", "the expression must be at most %d bytes long", maxLength)
	}
	env, err := cel.NewEnv(
		cel.Variable("pod.namespace", cel.StringType),
		cel.Variable("node.name", cel.StringType),
		cel.Variable("node.labels", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("node.runtime", cel.StringType),
		cel.Variable("node.runtimeVersion", cel.StringType),
		cel.Variable("node.access", cel.StringType),
		cel.Variable("node.cpuMillis", cel.IntType),
		cel.Variable("node.memoryBytes", cel.IntType),
		cel.Variable("node.maxPods", cel.IntType),
	)
	if err != nil {
		return nil, core.Errorf(core.CodeInternal, "no environment for expressions").WithCause(err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, core.Invalid("value", "the expression does not compile: %s", issues.Err()).WithHint("docs/scheduling.md shows what an expression can be made of.")
	}
	switch out := ast.OutputType(); {
	case out.IsExactType(cel.IntType), out.IsExactType(cel.DoubleType), out.IsExactType(cel.BoolType):
	default:
		return nil, core.Invalid("value", "the expression gives %s, not a number or a boolean", out)
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, core.Invalid("value", "the expression cannot be run: %s", err)
	}
	return &sched.Scorer{Key: expression, Of: func(namespace string, n *core.Node) int32 {
		out, _, err := program.Eval(map[string]any{
			"pod.namespace": namespace, "node.name": n.Name, "node.labels": n.Labels, "node.runtime": string(n.Runtime), "node.runtimeVersion": n.RuntimeVersion,
			"node.access": string(n.Access), "node.cpuMillis": n.CPUMillis, "node.memoryBytes": n.MemoryBytes, "node.maxPods": int64(n.MaxPods),
		})
		if err != nil {
			return 0 // a label that this node has not, for example
		}
		return percent(out)
	}}, nil
}

// percent brings what an expression gives to 0 to 100.
func percent(v ref.Val) int32 {
	switch v := v.(type) {
	case types.Bool:
		if v {
			return 100
		}
	case types.Int:
		return int32(min(max(int64(v), 0), 100))
	case types.Double:
		if f := float64(v); !math.IsNaN(f) {
			return int32(min(max(math.Round(f), 0), 100))
		}
	}
	return 0
}
