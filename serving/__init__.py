"""The lookup: what the nightly run publishes to Redis, answered over HTTP.

Each package imports only those before it, of which the publisher uses the first three:

    errors       what a person can act on
    connection   where Redis is
    cache        every key in Redis, and the codec of every value
    settings     of the API, from the environment
    lookup       versions, lists, rules and variants, read from Redis
    logs         what the API writes: the log and the sample of served lists
    http         routes and answers of the API
    middlewares  what surrounds the routes: limits, hosts, compression
    page         the pages for people
    server       connections, and how long a client may hold one
    commands     for the terminal; nothing imports them

`app` puts the API together; `python -m serving` and `lambda_handler` run it.
"""
