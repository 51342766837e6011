package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the tasks of one node take from it. Changes while a plan is made, so that the next slot sees what the one before it took. */
public final class NodeLoad {
    private Resources reserved = Resources.NONE;
    private final SortedMap<String, Integer> tasksByService = new TreeMap<>();
    private final SortedSet<String> hostPorts = new TreeSet<>();

    /** Adds one task of {@code service}. */
    public void add(ServiceSpec service) {
        reserve(service.reservations());
        occupy(service);
        count(service.uid());
    }

    void reserve(Resources resources) {
        reserved = reserved.plus(resources);
    }

    void occupy(ServiceSpec service) {
        hostPorts.addAll(service.hostPorts());
    }

    void count(String serviceUid) {
        tasksByService.merge(serviceUid, 1, Integer::sum);
    }

    public Resources reserved() {
        return reserved;
    }

    public int tasksOf(String serviceUid) {
        return tasksByService.getOrDefault(serviceUid, 0);
    }

    public boolean uses(String hostPort) {
        return hostPorts.contains(hostPort);
    }
}
