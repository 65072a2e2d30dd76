package bench

// smallArgs is the task of the user's guide: three arguments, a message of 320 bytes.
type smallArgs struct {
	To        string  `json:"to"`
	Subject   string  `json:"subject"`
	FromEmail *string `json:"from_email,omitempty" taskhawk:"from_email,kw,optional"`
}

type smallKeyword struct {
	FromEmail *string `json:"from_email,omitempty"`
}

// Small returns the workload of 320 bytes.
func Small() Workload[smallArgs, smallKeyword] {
	from := "notifications@shop.example.com"
	return Workload[smallArgs, smallKeyword]{
		Name: "small",
		Message: Message[smallArgs]{
			ID: "d7af3aef-70e5-4cf0-9ab2-02b0c0a1a6a1", Priority: "high", Timestamp: 1_731_425_943_017,
			Headers: map[string]string{"request_id": "01932f5c-4f77-7c4e-9a3e-8d5c2f1b6e70"},
			Task:    "tasks.send_email",
			Args:    smallArgs{To: "gerard@example.com", Subject: "Your order 8412 has been sent", FromEmail: &from},
		},
		Positional: func(a *smallArgs) []any { return []any{&a.To, &a.Subject} },
		Keyword:    func(a *smallArgs) smallKeyword { return smallKeyword{a.FromEmail} },
		SetKeyword: func(a *smallArgs, k *smallKeyword) { a.FromEmail = k.FromEmail },
	}
}
