"""Everything the flow's steps call, in four rooms: features, models, evaluation, release."""

import os

# dask reads these once, when it is first imported, by whichever package: Merlin's readers break with dask's query
# planner, and with string conversion they turn list columns into one string each, without any error.
os.environ.setdefault("DASK_DATAFRAME__QUERY_PLANNING", "False")
os.environ.setdefault("DASK_DATAFRAME__CONVERT_STRING", "False")
