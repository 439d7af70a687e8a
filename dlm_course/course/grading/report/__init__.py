"""What is made of records: a grade book, pages, an overview, what platforms import."""
