"""What finished runs say together: tables, tests, slices, differences, the paper beside them."""
