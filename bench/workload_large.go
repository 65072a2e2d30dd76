package bench

import "fmt"

// largeArgs is a slice of 1,000 structs, a message of 200 KB.
type largeArgs struct {
	Batch string `json:"batch"`
	Rows  []row  `json:"rows"`
}

// row is an element of largeArgs.
type row struct {
	ID       int64   `json:"id"`
	SKU      string  `json:"sku"`
	Name     string  `json:"name"`
	Comment  string  `json:"comment"`
	Price    float64 `json:"price"`
	Quantity int     `json:"quantity"`
	Active   bool    `json:"active"`
}

type largeKeyword struct{}

// Large returns the workload of 200 KB. The comment of every fourth row has an escape,
// which costs whoever decodes it an allocation.
func Large() Workload[largeArgs, largeKeyword] {
	args := largeArgs{Batch: "nightly-import"}
	for i := range 1000 {
		comment := "A comment of ordinary length, with a comma and nothing else that is worth a look."
		if i%4 == 0 {
			comment = "A comment of ordinary length, with \"quotes\", an ampersand & a non-ASCII letter: é."
		}
		args.Rows = append(args.Rows, row{
			ID:       int64(i) * 7919,
			SKU:      fmt.Sprintf("SKU-%05d", i*97),
			Name:     fmt.Sprintf("Product number %d", i),
			Comment:  comment,
			Price:    float64(i)*1.25 + 0.99,
			Quantity: i % 17,
			Active:   i%3 == 0,
		})
	}
	return Workload[largeArgs, largeKeyword]{
		Name: "large",
		Message: Message[largeArgs]{
			ID: "0c9c2d5a-1f0e-4c4b-8f58-3f0b8a4f4f11", Priority: "bulk", Timestamp: 1_731_425_943_017,
			Headers: map[string]string{"request_id": "01932f5c-4f77-7c4e-9a3e-8d5c2f1b6e70"},
			Task:    "catalog.import",
			Args:    args,
		},
		Positional: func(a *largeArgs) []any { return []any{&a.Batch, &a.Rows} },
		Keyword:    func(*largeArgs) largeKeyword { return largeKeyword{} },
		SetKeyword: func(*largeArgs, *largeKeyword) {},
	}
}
