"""The files of fastnn.datasets; see the README beside this."""
