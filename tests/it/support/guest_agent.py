"""Behaves as an agent, a recorder and the controller's notifications of GstWebRTCApp do, written from
the facts of its messages: the envelope, the topics, the dictionary of statistics, the action keys.

guest_agent.py PORT FEED   prints what it found as JSON lines
"""
import datetime
import json
import queue
import sys
import time
import uuid

import paho.mqtt.client as mqtt

port, feed = int(sys.argv[1]), sys.argv[2]
controller = "internal/controller"
queues = {topic: queue.Queue() for topic in (f"{feed}/gcc", f"{feed}/stats", controller)}
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{feed}_{uuid.uuid4().hex[:8]}", protocol=mqtt.MQTTv311)
own_id = client._client_id.decode()


def on_connect(client, *_):
    for topic in queues:
        client.subscribe(topic, qos=1)


def on_message(_, __, message):
    envelope = json.loads(message.payload)
    # Its receivers need all four, and end with an error where one is missing.
    timestamp, sender, text, source = (envelope[key] for key in ("timestamp", "id", "msg", "source"))
    datetime.datetime.strptime(timestamp, "%Y-%m-%d-%H_%M_%S_%f")
    assert isinstance(text, str) and isinstance(sender, str) and source == ""
    queues[message.topic].put(json.loads(text))


def publish(topic, msg):
    now = datetime.datetime.now().strftime("%Y-%m-%d-%H_%M_%S_%f")[:-3]
    envelope = {"timestamp": now, "id": own_id, "msg": json.dumps(msg), "source": ""}
    client.publish(topic, json.dumps(envelope), qos=0)


def entries(stats, prefix):
    return [value for key, value in stats.items() if key.startswith(prefix)]


def say(**what):
    print(json.dumps(what), flush=True)


subscribed = queue.Queue()
client.on_connect, client.on_message = on_connect, on_message
client.on_subscribe = lambda *_: subscribed.put(True)
client.connect("127.0.0.1", port, keepalive=20)
client.loop_start()
for _ in queues:
    subscribed.get(timeout=20)
say(ready=True)

# The controller: the feed registers with its topic of actions.
actions = None
while actions is None:
    actions = queues[controller].get(timeout=40).get(feed, {}).get("on")
say(on=actions)

# The recorder: a record for each new report of the first viewer, by its formulas.
before, stats = None, {}
end = time.monotonic() + 30
while True:
    assert time.monotonic() < end, f"no second report within 30 s: {sorted(stats)} {before}"
    stats = queues[f"{feed}/stats"].get(timeout=40)
    outbound = entries(stats, "rtp-outbound-stream")
    inbound = entries(stats, "rtp-inbound-stream") or entries(stats, "rtp-remote-inbound-stream")
    pair = entries(stats, "ice-candidate-pair")
    if not (outbound and inbound and pair):
        continue
    out, report = outbound[0], inbound[0]
    rtcp = (report["rb-round-trip"], report["rb-jitter"])
    if before and rtcp != before[1] and out["timestamp"] > before[0]["timestamp"]:
        seconds = (out["timestamp"] - before[0]["timestamp"]) / 1000
        say(
            rtt_ms=report["rb-round-trip"] / 65536 * 1000,
            jitter_ms=report["rb-jitter"] / out["clock-rate"] * 1000,
            lost_packets=report["rb-packetslost"],
            tx_rate_mbits=(out["bytes-sent"] - before[0]["bytes-sent"]) * 8 / 1e6 / seconds,
            rx_packets=out["packets-received"],
            nack_count=out["recv-nack-count"],
        )
        break
    before = (out, rtcp)

# The agent: the last estimate becomes an action.
estimate = queues[f"{feed}/gcc"].get(timeout=40)
say(estimate=estimate)
publish(actions, {"bitrate": 777.0})
publish(actions, {"resolution": {"width": 320, "height": 240}, "framerate": 10})
# What its connectors pass over, too, and a feed whose name only begins alike.
publish(actions, {"bitrate": None, "nonsense": 1})
publish(f"{feed}0/actions", {"bitrate": 999})
client.publish(actions, "no JSON at all")
# Less than 5 % is not worth it.
publish(actions, {"bitrate": 790.0})
publish(actions, {"fec": 20})
while True:
    what = queues[controller].get(timeout=40).get(feed, {})
    if what.get("off") is False:
        say(off=False)
        break
client.loop_stop()
