"""Tasks that run in Go, to be dispatched from Python. Generated from their contract; do not edit."""

import typing

import taskhawk

Order_unchecked = typing.TypedDict("Order_unchecked", {
    "count": int,
    "gift": typing.Optional["Order_unchecked"],
    "labels": typing.Optional[typing.List[str]],
    "quoted": str,
    "sku": str,
    "weight": float,
}, total=False)

node = typing.TypedDict("node", {
    "my-kind": typing.Literal["a", "b c"],
    "next": typing.Optional["node"],
    "value": int,
}, total=False)


@taskhawk.task(name="other.tasks.send")
def send(a: str, *, x: str = '', b: str) -> None:
    raise NotImplementedError("other.tasks.send runs in Go")


@taskhawk.task(name="tasks.send")
def tasks_send(*, a: str, b: str) -> None:
    raise NotImplementedError("tasks.send runs in Go")


@taskhawk.task(name="tasks.sign-up", priority=taskhawk.Priority.high)
def sign_up(to: str, count: int = 0, orders: typing.Optional[typing.List[Order_unchecked]] = None, *, chain: typing.Optional[node], flag: bool = False, choice: typing.Optional[typing.Union[str, typing.Literal["x", "y"]]] = None, **rest: float) -> None:
    raise NotImplementedError("tasks.sign-up runs in Go")
