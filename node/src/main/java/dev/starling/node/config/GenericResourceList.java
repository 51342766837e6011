package dev.starling.node.config;

import dev.starling.scheduler.model.GenericResources;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code generic-resources: [gpu=UUID1, gpu=UUID2, camera=2]}: a value that is a number counts, any other one is a name, and one below /dev is a device. */
final class GenericResourceList {
    private static final Pattern ENTRY = Pattern.compile("([A-Za-z0-9][A-Za-z0-9_.-]{0,62})=((?:/dev/)?[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127})");
    private static final Pattern NUMBER = Pattern.compile("[0-9]+");
    private static final long MOST = 1_000_000;

    /** One entry as written; checked. */
    record Entry(String kind, String value) {
        boolean isCount() {
            return NUMBER.matcher(value).matches();
        }
    }

    static Entry entry(String text) {
        Matcher matcher = ENTRY.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not KIND=NAME or KIND=COUNT, such as gpu=UUID1, serial=/dev/ttyUSB0 or camera=2");
        }
        Entry entry = new Entry(matcher.group(1), matcher.group(2));
        if (entry.isCount() && (entry.value().length() > 7 || Long.parseLong(entry.value()) < 1 || Long.parseLong(entry.value()) > MOST)) {
            throw new IllegalArgumentException("'" + text + "': a count must be 1 to " + MOST);
        }
        return entry;
    }

    /** @throws IllegalArgumentException where a kind is both counted and named, or said twice */
    static GenericResources of(List<Entry> entries) {
        SortedMap<String, Long> counts = new TreeMap<>();
        SortedMap<String, SortedSet<String>> named = new TreeMap<>();
        for (Entry entry : entries) {
            boolean fresh = entry.isCount() ? counts.putIfAbsent(entry.kind(), Long.parseLong(entry.value())) == null
                    : named.computeIfAbsent(entry.kind(), kind -> new TreeSet<>()).add(entry.value());
            if (!fresh) {
                throw new IllegalArgumentException("'" + entry.kind() + "=" + entry.value() + "' is given twice");
            }
            if (counts.containsKey(entry.kind()) && named.containsKey(entry.kind())) {
                throw new IllegalArgumentException("'" + entry.kind() + "' is counted and named: give it one or the other way");
            }
        }
        return GenericResources.of(counts, named);
    }

    private GenericResourceList() {}
}
