"""The database seen from outside its statements: whether it is there, who holds its locks, what its errors mean."""
