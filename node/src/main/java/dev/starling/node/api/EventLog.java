package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** The last events of this node, for {@code docker events} and its {@code --since}: at most {@link #KEPT}, in the order in which it heard of them. */
final class EventLog {
    static final int KEPT = 1_000;

    /**
     * @param number     counts up from 1
     * @param type       service, container and so on; {@code scope} swarm for what all nodes tell alike, local for what is of this one
     * @param id         of the object; of an image its name
     * @param attributes {@code name}, and what else Docker tells of such an event
     */
    record Event(long number, String type, String action, String id, SortedMap<String, String> attributes, String scope, Instant time) {
        Event {
            attributes = Collections.unmodifiableSortedMap(new TreeMap<>(attributes));
        }

        boolean matches(Filters filters) {
            boolean wanted = filters.exactly("type", type) && filters.exactly("scope", scope) && filters.labels("label", attributes)
                    && filters.any("event", value -> value.equals(action) || action.startsWith(value + ":"));
            for (String named : List.of("service", "node", "network", "secret", "config", "container", "volume", "plugin", "daemon")) {
                wanted &= !filters.has(named) || named.equals(type) && filters.any(named, this::isNamed);
            }
            return wanted && filters.any("image", value -> type.equals("image") ? isNamed(value) || id.startsWith(value + ":")
                    : type.equals("container") && isImage(attributes.getOrDefault("image", ""), value));
        }

        private boolean isNamed(String value) {
            return id.startsWith(value) || value.equals(attributes.get("name"));
        }

        private static boolean isImage(String image, String value) {
            return image.equals(value) || image.startsWith(value + ":") || image.startsWith(value + "@");
        }

        ObjectNode json() {
            ObjectNode json = Json.object().put("Type", type).put("Action", action);
            json.putObject("Actor").put("ID", id).set("Attributes", Json.map(attributes));
            return json.put("scope", scope).put("time", time.getEpochSecond())
                    .put("timeNano", time.getEpochSecond() * 1_000_000_000 + time.getNano());
        }
    }

    private final Deque<Event> events = new ArrayDeque<>();
    private final Set<Runnable> watchers = new LinkedHashSet<>();
    private long newest;

    void add(String type, String action, String id, SortedMap<String, String> attributes, String scope, Instant time) {
        List<Runnable> told;
        synchronized (this) {
            events.addLast(new Event(++newest, type, action, id, attributes, scope, time));
            if (events.size() > KEPT) {
                events.removeFirst();
            }
            told = List.copyOf(watchers);
        }
        told.forEach(Runnable::run);
    }

    /** @param news called on any thread after each event, to return at once; what it is about is to be had from here */
    synchronized void watch(Runnable news) {
        watchers.add(news);
    }

    synchronized void unwatch(Runnable news) {
        watchers.remove(news);
    }

    synchronized long newest() {
        return newest;
    }

    /** Those that are still kept and came after {@code number}. */
    synchronized List<Event> after(long number) {
        return events.stream().filter(event -> event.number() > number).toList();
    }
}
