"""The Python half: the same task on the same queues, for taskhawk-python."""
import taskhawk


@taskhawk.task
def send_email(to: str, subject: str, *, from_email: str = None) -> None:
    print(f"to {to}: {subject}")


if __name__ == "__main__":
    # TASKHAWK_QUEUE is that of the Go program, "DEV-MAIL"; the task's name is "tasks.send_email".
    send_email.dispatch("ann@example.com", "Hello!", from_email="news@example.com")
