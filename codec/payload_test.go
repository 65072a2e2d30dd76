package codec_test

import (
	"fmt"
	"strings"
	"time"
)

// The three payloads of the benchmarks and allocation tests.

// mediumArgs is about 2 KB in 12 fields of mixed kinds.
type mediumArgs struct {
	OrderID    int64
	Customer   string
	Email      string
	Paid       bool
	Total      float64
	Currency   string
	Items      []string
	Address    address           `taskhawk:",kw"`
	Labels     map[string]string `taskhawk:",kw"`
	PlacedAt   time.Time         `taskhawk:",kw"`
	Note       *string           `taskhawk:",kw,optional"`
	RetryAfter uint32            `taskhawk:",kw,optional"`
}

type address struct {
	Street string   `json:"street"`
	Number int      `json:"number"`
	City   string   `json:"city"`
	Zip    string   `json:"zip,omitempty"`
	Lat    float64  `json:"lat"`
	Lon    float64  `json:"lon"`
	Lines  []string `json:"lines"`
}

// largeArgs is about 200 KB: 1,000 structs.
type largeArgs struct {
	Batch string
	Rows  []row
}

type row struct {
	ID       int64   `json:"id"`
	Name     string  `json:"name"`
	Comment  string  `json:"comment"`
	Price    float64 `json:"price"`
	Quantity int     `json:"quantity"`
	Active   bool    `json:"active"`
}

func smallPayload() sendEmail {
	from := "spammer@example.com"
	return sendEmail{To: "example@email.com", Subject: "Hello!", FromEmail: &from}
}

func mediumPayload() mediumArgs {
	note := "Please ring twice; the dog's name is \"Rex\".\nThe gate code is on the other sheet, as always."
	m := mediumArgs{
		OrderID: 8_412_990_122, Customer: "Gérard Müller", Email: "gerard.mueller@example.com", Paid: true, Total: 1234.56, Currency: "EUR",
		Address:  address{Street: "Rue de l'Université", Number: 42, City: "Genève", Zip: "1205", Lat: 46.198392, Lon: 6.142296, Lines: []string{"Building C", "3rd floor"}},
		Labels:   map[string]string{},
		PlacedAt: time.Date(2024, 2, 29, 12, 34, 56, 789_000_000, time.UTC),
		Note:     &note, RetryAfter: 30,
	}
	for i := range 20 {
		m.Items = append(m.Items, fmt.Sprintf("SKU-%05d blue cotton shirt, size %d, long sleeves", i*977, i))
	}
	for i := range 12 {
		m.Labels[fmt.Sprintf("label-%d", i*7%12)] = strings.Repeat("value ", 1+i%4)
	}
	return m
}

func largePayload() largeArgs {
	l := largeArgs{Batch: "nightly-import"}
	for i := range 1000 {
		comment := "A comment of ordinary length, with a comma and nothing else that is worth a look."
		if i%4 == 0 {
			comment = "A comment of ordinary length, with \"quotes\", an ampersand & a letter beyond ASCII: é."
		}
		l.Rows = append(l.Rows, row{
			ID: int64(i) * 7919, Name: fmt.Sprintf("Product number %d", i), Comment: comment, Price: float64(i)*1.25 + 0.99, Quantity: i % 17, Active: i%3 == 0,
		})
	}
	return l
}
