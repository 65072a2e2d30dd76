// Package tasks declares the tasks that the functions run: names, arguments and default
// priorities. Programs that dispatch them import this, and no handler.
package tasks

import "github.com/taskhawk/taskhawk-go/taskhawk"

// App is the name of the application: its queues are TASKHAWK-DEV-MYAPP and so on, its
// topics taskhawk-dev-myapp and so on.
const App = "dev-myapp"

// PlaceOrderArgs are the parameters of PlaceOrder: the OrderID, its price in Cents, and
// the Email for the receipt.
type PlaceOrderArgs struct {
	OrderID int
	Cents   int64  `validate:"gt=0"`
	Email   string `validate:"required,email"`
}

// ChargeCardArgs are the parameters of ChargeCard: the OrderID whose card is charged, and
// how many Cents.
type ChargeCardArgs struct {
	OrderID int
	Cents   int64
}

// SendReceiptArgs are the parameters of SendReceipt: of which OrderID, to which Email.
type SendReceiptArgs struct {
	OrderID int
	Email   string
}

// PlaceOrder is run by the function behind the topic, the others by the one behind the
// queues.
var (
	PlaceOrder  = taskhawk.New[PlaceOrderArgs]("tasks.place_order", nil)
	ChargeCard  = taskhawk.New[ChargeCardArgs]("tasks.charge_card", nil, taskhawk.WithPriority(taskhawk.High))
	SendReceipt = taskhawk.New[SendReceiptArgs]("tasks.send_receipt", nil, taskhawk.WithPriority(taskhawk.Low))
)
