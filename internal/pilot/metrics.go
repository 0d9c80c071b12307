package pilot

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/godwit-chat/godwit/internal/move"
)

// Metrics collects what Prometheus asks a mover.
type Metrics struct {
	flight Flight

	mu    sync.Mutex
	waits map[string]time.Duration
	last  time.Time
}

// NewMetrics makes the metrics of a flight. Watch must be told its status
// now and then, for the times that it waited.
func NewMetrics(f Flight) *Metrics { return &Metrics{flight: f, waits: map[string]time.Duration{}} }

// Watch adds up for how long what was waited for.
func (m *Metrics) Watch(s move.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if !m.last.IsZero() && s.Waits != "" {
		m.waits[reason(s.Waits)] += now.Sub(m.last)
	}
	m.last = now
}

// reason is what a sentence about waiting begins with: series are few, and
// the figures in a sentence would make one each.
func reason(waits string) string {
	words := strings.FieldsFunc(waits, func(r rune) bool { return r == ':' || r == ',' || r == '(' || r >= '0' && r <= '9' })
	if len(words) == 0 {
		return "other"
	}
	return strings.TrimSpace(words[0])
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(m)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("godwit_move_"+name, help, append([]string{"move"}, labels...), nil)
}

// The series.
var (
	metricPhase    = describe("phase", "1 for the phase that the move is in", "phase")
	metricItems    = describe("items", "Objects at the target", "kind")
	metricAll      = describe("items_expected", "Objects at the source, when they were counted last", "kind")
	metricBytes    = describe("file_bytes_total", "Bytes of files that this mover copied")
	metricLag      = describe("lag_seconds", "For how long the target has not had all that was written")
	metricBehind   = describe("lag_positions", "Changes that the target has not got yet")
	metricWaits    = describe("waits_seconds_total", "Time that this mover waited", "reason")
	metricLatency  = describe("post_p95_seconds", "Latency of posting, 95th percentile, measured there", "place")
	metricPosts    = describe("posts_per_second", "Posts by people", "place")
	metricPause    = describe("predicted_pause_seconds", "The pause that a cutover would make now; 0 is not known")
	metricBudget   = describe("pause_budget_seconds", "The longest pause that is allowed")
	metricReady    = describe("ready", "1 if a cutover may begin")
	metricProblem  = describe("problem", "1 if something stands in the way")
	metricDiffers  = describe("differences", "Differences that the last verify left")
	metricRepaired = describe("repaired_total", "Objects that a verify repaired")
	metricBad      = describe("quarantined", "Records that could not be understood")
	metricRelayed  = describe("relayed", "People who still come by the retired place")
	metricPaused   = describe("paused", "1 if the move is paused by hand")
)

// Describe says that the series follow from what is collected.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the status once.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	s := m.flight.Status()
	put := func(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, t, v, append([]string{s.Move}, labels...)...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) { put(d, prometheus.GaugeValue, v, labels...) }
	for _, p := range phases {
		gauge(metricPhase, truth(p == s.Stage), string(p))
	}
	for _, k := range s.Kinds {
		gauge(metricItems, float64(k.Done), k.Kind.String())
		gauge(metricAll, float64(k.All), k.Kind.String())
	}
	for place, p := range map[string]move.PlaceStatus{"from": s.Source, "to": s.Target} {
		gauge(metricLatency, p.P95/1000, place)
		gauge(metricPosts, p.Posts, place)
	}
	put(metricBytes, prometheus.CounterValue, float64(s.Files.Bytes))
	put(metricRepaired, prometheus.CounterValue, float64(s.Verify.Repaired))
	gauge(metricLag, s.Lag.Seconds())
	gauge(metricBehind, float64(s.Behind))
	gauge(metricPause, s.Pause.Seconds())
	gauge(metricBudget, s.Budget.Seconds())
	gauge(metricReady, truth(s.Ready))
	gauge(metricProblem, truth(s.Problem != nil))
	gauge(metricPaused, truth(s.Paused))
	gauge(metricDiffers, float64(s.Verify.Differences))
	gauge(metricBad, float64(s.Quarantined))
	gauge(metricRelayed, float64(s.Source.Relayed+s.Target.Relayed))
	m.mu.Lock()
	defer m.mu.Unlock()
	for why, d := range m.waits {
		put(metricWaits, prometheus.CounterValue, d.Seconds(), why)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
