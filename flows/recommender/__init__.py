"""Everything the flow's steps call, room by room in the order in which the data flows.

    features -> models -> stages -> weeks -> evaluation -> release -> report -> tracking, explain

A room imports only rooms before it and the ground floor: settings/ and the modules here. The flow alone knows all
rooms, and alone imports Metaflow.
"""

import os

# dask reads these once, when it is first imported, by whichever package: Merlin's readers break with dask's query
# planner, and with string conversion they turn list columns into one string each, without any error.
os.environ.setdefault("DASK_DATAFRAME__QUERY_PLANNING", "False")
os.environ.setdefault("DASK_DATAFRAME__CONVERT_STRING", "False")
