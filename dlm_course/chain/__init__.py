"""One token at a time: distributions over states, schedules of corruption, and the chains made of both."""
