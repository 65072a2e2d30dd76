package bench

import (
	"fmt"
	"strings"
	"time"
)

// mediumArgs is twelve arguments of mixed kinds, a message of 2 KB.
type mediumArgs struct {
	OrderID   int64             `json:"order_id"`
	Customer  string            `json:"customer"`
	Email     string            `json:"email"`
	Paid      bool              `json:"paid"`
	Total     float64           `json:"total"`
	Items     []string          `json:"items"`
	Currency  string            `json:"currency"             taskhawk:"currency,kw"`
	Address   address           `json:"address"              taskhawk:"address,kw"`
	Labels    map[string]string `json:"labels"               taskhawk:"labels,kw"`
	PlacedAt  time.Time         `json:"placed_at"            taskhawk:"placed_at,kw"`
	Note      *string           `json:"note,omitempty"       taskhawk:"note,kw,optional"`
	ExpiresIn uint32            `json:"expires_in,omitempty" taskhawk:"expires_in,kw,optional"`
}

// address is the nested struct of mediumArgs.
type address struct {
	Street  string  `json:"street"`
	Number  int     `json:"number"`
	City    string  `json:"city"`
	Zip     string  `json:"zip"`
	Country string  `json:"country"`
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
}

type mediumKeyword struct {
	Currency  string            `json:"currency"`
	Address   address           `json:"address"`
	Labels    map[string]string `json:"labels"`
	PlacedAt  time.Time         `json:"placed_at"`
	Note      *string           `json:"note,omitempty"`
	ExpiresIn uint32            `json:"expires_in,omitempty"`
}

// Medium returns the workload of 2 KB.
func Medium() Workload[mediumArgs, mediumKeyword] {
	return Workload[mediumArgs, mediumKeyword]{
		Name: "medium",
		Message: Message[mediumArgs]{
			ID: "5b1f3c1e-8a1b-4b8e-9a35-0a3cf0d1e7b2", Priority: "default", Timestamp: 1_731_425_943_017,
			Headers: map[string]string{"request_id": "01932f5c-4f77-7c4e-9a3e-8d5c2f1b6e70"},
			Task:    "orders.confirm",
			Args:    newMediumArgs(),
		},
		Positional: func(a *mediumArgs) []any {
			return []any{&a.OrderID, &a.Customer, &a.Email, &a.Paid, &a.Total, &a.Items}
		},
		Keyword: func(a *mediumArgs) mediumKeyword {
			return mediumKeyword{a.Currency, a.Address, a.Labels, a.PlacedAt, a.Note, a.ExpiresIn}
		},
		SetKeyword: func(a *mediumArgs, k *mediumKeyword) {
			a.Currency, a.Address, a.Labels = k.Currency, k.Address, k.Labels
			a.PlacedAt, a.Note, a.ExpiresIn = k.PlacedAt, k.Note, k.ExpiresIn
		},
	}
}

func newMediumArgs() mediumArgs {
	note := "Please ring twice; the dog's name is \"Rex\".\nThe gate is on the other side, as always."
	args := mediumArgs{
		OrderID:  8_412_990_122,
		Customer: "Gérard Müller",
		Email:    "gerard.mueller@example.com",
		Paid:     true,
		Total:    1234.56,
		Currency: "EUR",
		Address: address{
			Street:  "Rue de l'Université",
			Number:  42,
			City:    "Genève",
			Zip:     "1205",
			Country: "Switzerland",
			Lat:     46.198392,
			Lon:     6.142296,
		},
		Labels:    map[string]string{},
		PlacedAt:  time.Date(2024, 2, 29, 12, 34, 56, 789_000_000, time.UTC),
		Note:      &note,
		ExpiresIn: 86_400,
	}
	for i := range 20 {
		args.Items = append(args.Items, fmt.Sprintf("SKU-%05d cotton shirt, size %d, long sleeves, blue", i*977, 34+i))
	}
	for i := range 8 {
		args.Labels[fmt.Sprintf("label-%d", i)] = strings.Repeat("value ", 1+i%4)
	}
	return args
}
