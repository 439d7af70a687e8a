"""The sandbox: a student's code runs in it, and numbers come out."""
