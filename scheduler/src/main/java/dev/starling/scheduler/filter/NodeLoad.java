package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the tasks of one node take from it. Changes while a plan is made, so that the next slot sees what the one before it took. */
public final class NodeLoad {
    private Resources reserved = Resources.NONE;
    /**
     * Those with a task that has not ended, sorted. Arrays, for a plan of a large cluster keeps a thousand loads, most of them of many services.
     */
    private String[] services = {};
    /** By the place in {@link #services}: how many active tasks; a service may be there with none. */
    private int[] tasksOf = {};
    private int knownServices;
    private SortedSet<String> hostPorts = Collections.emptySortedSet();
    /** By protocol: how many more ports the node is to pick for tasks that count here. */
    private SortedMap<String, Integer> portsToPick = Collections.emptySortedMap();
    private int tasks;

    public NodeLoad copy() {
        NodeLoad copy = new NodeLoad();
        copy.reserved = reserved;
        copy.services = services.clone();
        copy.tasksOf = tasksOf.clone();
        copy.knownServices = knownServices;
        copy.hostPorts = hostPorts.isEmpty() ? hostPorts : new TreeSet<>(hostPorts);
        copy.portsToPick = portsToPick.isEmpty() ? portsToPick : new TreeMap<>(portsToPick);
        copy.tasks = tasks;
        return copy;
    }

    /** Adds one task of {@code service}. */
    public void add(ServiceSpec service) {
        reserve(service.reservations());
        occupy(service.hostPorts());
        expect(service.openPorts(), Collections.emptySortedMap());
        count(service.uid());
    }

    void reserve(Resources resources) {
        reserved = reserved.plus(resources);
    }

    void occupy(List<String> ports) {
        if (!ports.isEmpty()) {
            hostPorts = hostPorts.isEmpty() ? new TreeSet<>() : hostPorts;
            hostPorts.addAll(ports);
        }
    }

    /** Of {@code open}, a service's ports without numbers, a task has {@code picked}; it, or the next one in its slot, is to get numbers for the rest. */
    void expect(List<String> open, SortedMap<String, Integer> picked) {
        if (open.isEmpty()) {
            return;
        }
        OpenPorts.byProtocol(open).forEach((protocol, count) -> {
            int more = count - (int) picked.keySet().stream().filter(port -> port.startsWith(protocol + "/")).count();
            if (more > 0) {
                portsToPick = portsToPick.isEmpty() ? new TreeMap<>() : portsToPick;
                portsToPick.merge(protocol, more, Integer::sum);
            }
        });
    }

    void count(String serviceUid) {
        int place = mention(serviceUid); // may put another array in place
        tasksOf[place]++;
        tasks++;
    }

    /** Returns its place. */
    int mention(String serviceUid) {
        int place = place(serviceUid);
        if (place >= 0) {
            return place;
        }
        place = -place - 1;
        if (knownServices == services.length) {
            int room = knownServices + Math.max(2, knownServices / 4);
            services = Arrays.copyOf(services, room);
            tasksOf = Arrays.copyOf(tasksOf, room);
        }
        System.arraycopy(services, place, services, place + 1, knownServices - place);
        System.arraycopy(tasksOf, place, tasksOf, place + 1, knownServices - place);
        services[place] = serviceUid;
        tasksOf[place] = 0;
        knownServices++;
        return place;
    }

    private int place(String serviceUid) {
        return Arrays.binarySearch(services, 0, knownServices, serviceUid);
    }

    /** A task of the service takes something here, or would if the service were known. */
    public boolean mentions(String serviceUid) {
        return place(serviceUid) >= 0;
    }

    /** Active tasks, of all services. */
    public int tasks() {
        return tasks;
    }

    public Resources reserved() {
        return reserved;
    }

    public int tasksOf(String serviceUid) {
        int place = place(serviceUid);
        return place < 0 ? 0 : tasksOf[place];
    }

    int usedPorts() {
        return hostPorts.size();
    }

    int portsToPick(String protocol) {
        return portsToPick.getOrDefault(protocol, 0);
    }

    public boolean uses(String hostPort) {
        return hostPorts.contains(hostPort);
    }
}
