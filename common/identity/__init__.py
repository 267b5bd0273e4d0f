"""Who a caller is: verification of names and identity numbers, and locks after wrong ones."""
