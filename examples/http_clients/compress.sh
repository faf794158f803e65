#!/bin/sh
# Boils three documents down with curl. Start a service first: boildown serve
#
#     sh examples/http_clients/compress.sh [URL]
#
# BOILDOWN_TOKEN is sent where it is set. --retry waits as long as a busy service asks for (429, 503).
set -eu

answer=$(mktemp) # which a retry empties; on standard output the refusals would stand before the answer
trap 'rm -f "$answer"' EXIT
status=0
curl --silent --show-error --fail-with-body --retry 4 --max-time 60 --output "$answer" \
  --header 'Content-Type: application/json' \
  ${BOILDOWN_TOKEN:+--header "Authorization: Bearer $BOILDOWN_TOKEN"} \
  --data @- "${1:-http://localhost:8000}/v1/compress" <<'JSON' || status=$?
{
  "query": "How long does the battery of the Pelican last?",
  "documents": [
    "The Reed is made for marinas and rivers. It weighs 2.1 kg. Its battery lasts nine months.",
    {"id": "pelican", "text": "The Pelican goes down to 120 m and weighs 11.5 kg. The battery of the Pelican lasts 36 months."},
    "Annual leave is 28 days. Up to five days can be carried over until 31 March."
  ],
  "budget": {"tokens": 20}
}
JSON
cat "$answer"
exit "$status"
