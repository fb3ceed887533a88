"""Execute the chapters, store them in one stable form, and check that what is committed is current."""
