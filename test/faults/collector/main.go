// Decodes a file with a trace export request of OTLP/JSON as the OpenTelemetry Collector does, and
// prints its spans: one JSON object a line.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func main() {
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
	if err != nil {
		fail(err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, resource := range traces.ResourceSpans().All() {
		service, _ := resource.Resource().Attributes().Get("service.name")
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				out.Encode(map[string]any{
					"service":  service.AsString(),
					"name":     span.Name(),
					"kind":     span.Kind().String(),
					"traceId":  span.TraceID().String(),
					"parentId": span.ParentSpanID().String(),
					"lasted":   span.EndTimestamp() >= span.StartTimestamp(),
					"status":   span.Status().Code().String(),
					"route":    fmt.Sprint(span.Attributes().AsRaw()["http.route"]),
				})
			}
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
