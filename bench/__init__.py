"""What is fast and what is not, measured side by side with what people would use instead."""
