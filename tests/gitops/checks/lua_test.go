package checks

import (
	"fmt"
	"testing"
	"time"

	"context"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A health script, run as Argo CD runs one of argocd-cm: with the libraries that are
// open without `useOpenLibs`, and within a second. It is an override of the engine's.
type script string

func (s script) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", asLua(state, object.Object))
	if err := state.DoString(string(s)); err != nil {
		return nil, err
	}
	answer, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return nil, fmt.Errorf("the script returned %s", state.Get(-1).Type())
	}
	return &health.HealthStatus{
		Status:  health.HealthStatusCode(lua.LVAsString(answer.RawGetString("status"))),
		Message: lua.LVAsString(answer.RawGetString("message")),
	}, nil
}

func asLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for name, field := range value {
			table.RawSetString(name, asLua(state, field))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(asLua(state, item))
		}
		return table
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	default:
		return lua.LNil
	}
}

// A script that needs a library that Argo CD does not open is noticed here.
func TestTheScriptsLibrariesAreLimited(t *testing.T) {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	for _, forbidden := range []string{`return {status = string.upper("a")}`, `io.open("/")`, `while true do end`} {
		if answer, err := script(forbidden).GetResourceHealth(object); err == nil {
			t.Errorf("%s: %v", forbidden, answer)
		}
	}
}
