package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the tasks of one node take from it. Changes while a plan is made, so that the next slot sees what the one before it took. */
public final class NodeLoad {
    private Resources reserved = Resources.NONE;
    /** Services without an active task, but with one that has not ended, are in it with 0. */
    private final SortedMap<String, Integer> tasksByService = new TreeMap<>();
    private final SortedSet<String> hostPorts = new TreeSet<>();
    private int tasks;

    public NodeLoad copy() {
        NodeLoad copy = new NodeLoad();
        copy.reserved = reserved;
        copy.tasksByService.putAll(tasksByService);
        copy.hostPorts.addAll(hostPorts);
        copy.tasks = tasks;
        return copy;
    }

    /** Adds one task of {@code service}. */
    public void add(ServiceSpec service) {
        reserve(service.reservations());
        occupy(service.hostPorts());
        count(service.uid());
    }

    void reserve(Resources resources) {
        reserved = reserved.plus(resources);
    }

    void occupy(List<String> ports) {
        hostPorts.addAll(ports);
    }

    void count(String serviceUid) {
        tasksByService.merge(serviceUid, 1, Integer::sum);
        tasks++;
    }

    void mention(String serviceUid) {
        tasksByService.putIfAbsent(serviceUid, 0);
    }

    /** A task of the service takes something here, or would if the service were known. */
    public boolean mentions(String serviceUid) {
        return tasksByService.containsKey(serviceUid);
    }

    /** Active tasks, of all services. */
    public int tasks() {
        return tasks;
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
