package archive

import (
	"context"
	"sync"
)

// workers is how many pieces are packed or unpacked at once. Of each there is
// one in memory, and one more.
const workers = 2

// ordered does something for each of n numbers, some at once, and uses the
// results in their order, in the caller's goroutine. It ends at the first
// error, and returns after all that it began has ended.
func ordered[T any](ctx context.Context, n int, do func(context.Context, int) (T, error), use func(int, T) error) error {
	type result struct {
		v   T
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	queue := make(chan chan result, workers-1)
	wg.Go(func() {
		defer close(queue)
		for i := range n {
			c := make(chan result, 1)
			select {
			case queue <- c:
			case <-ctx.Done():
				return
			}
			wg.Go(func() {
				v, err := do(ctx, i)
				c <- result{v, err}
			})
		}
	})
	i := 0
	for c := range queue {
		r := <-c
		if r.err != nil {
			return r.err
		}
		if err := use(i, r.v); err != nil {
			return err
		}
		i++
	}
	return ctx.Err()
}
