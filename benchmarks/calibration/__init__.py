"""Setting the thresholds of both gates on shops of many sizes and kinds: `make calibrate`."""
