package move

import (
	"strconv"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Budget is how many records may be quarantined before a move stops: one bad
// record never stops it, but a source that is not what it seems should.
type Budget struct {
	Count int64   // 0 is no limit
	Ratio float64 // of all records; 0 is no limit; judged from 100 quarantined ones on
}

// DefaultBudget is what a move goes by if nothing is said.
var DefaultBudget = Budget{Count: 10_000, Ratio: 0.05}

// fewQuarantined is how many say nothing about the ratio.
const fewQuarantined = 100

// ParseBudget reads a number of records ("500"), a share ("2%"), both
// ("500,2%") or "none". It fails with Invalid.
func ParseBudget(s string) (Budget, error) {
	if s == "none" {
		return Budget{Count: 1<<62 - 1}, nil
	}
	var b Budget
	for part := range strings.SplitSeq(s, ",") {
		number, share := strings.CutSuffix(strings.TrimSpace(part), "%")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || n < 0 {
			return b, chat.Errorf(chat.Invalid, "%q is neither a number of records nor a share of them", s).WithHint(`examples: 500, 2%%, "500,2%%", none`)
		}
		if share {
			b.Ratio = n / 100
		} else {
			b.Count = int64(n)
		}
	}
	return b, nil
}

// check fails with TooMany if the budget is exceeded.
func (b Budget) check(quarantined, records int64) error {
	over := b.Count > 0 && quarantined > b.Count
	if b.Ratio > 0 && quarantined >= fewQuarantined {
		over = over || float64(quarantined) > b.Ratio*float64(records)
	}
	if !over {
		return nil
	}
	return chat.Errorf(chat.TooMany, "%d of %d records could not be understood; that is more than was allowed", quarantined, records).
		WithHint("look at them in quarantine.jsonl; to go on all the same, run the same line with a larger --max-quarantine")
}
