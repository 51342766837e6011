package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Arrays;
import java.util.List;

/**
 * The ranking of nodes for services that ask for the same, kept from one to the next while a plan is made: between two of them only the nodes
 * that got something are looked at again. Ten thousand small services over a thousand nodes are planned in the time of their slots, not
 * of ten million pairs of service and node.
 */
final class ServiceRanking {
    private final LoadAtTurn loads;
    private final Sums atTurn;
    private final boolean[] suits;
    private final boolean[] imageAtHand;
    private final SpreadCounts counts;
    private final Ranking ranking;
    /** Of those that ask for the same, the one that is planned now. */
    private Demand demand;
    /** Places that have tasks of the present service, once for each task. */
    private int[] counted = new int[16];
    private int countedTasks;
    /** So many tasks every node is to get. Up to there the order makes no node's load uneven, so it does not go by load, which others may see otherwise. */
    private int fullLevels;
    private int seenChanges;

    /** @param first see {@link Outcome#isFirst}. @param fullLevels see {@link #begin} */
    ServiceRanking(LoadAtTurn loads, Demand demand, boolean first, int fullLevels) {
        this.fullLevels = fullLevels;
        this.loads = loads;
        this.atTurn = loads.atTurn(first);
        this.demand = demand;
        List<NodeView> nodes = loads.roster().nodes();
        this.suits = new boolean[nodes.size()];
        this.imageAtHand = new boolean[nodes.size()];
        this.counts = new SpreadCounts(nodes, demand.service().spreadPreferences());
        this.ranking = new Ranking(loads.roster().prepared(), counts);
        List<String> names = Price.namesOf(demand.service().image());
        for (int place = 0; place < suits.length; place++) {
            suits[place] = demand.suits(nodes.get(place));
            imageAtHand[place] = suits[place] && Price.imageAtHand(names, nodes.get(place));
            rank(place);
        }
        this.seenChanges = loads.changes();
    }

    /** Equal for services that every node without a task of them ranks alike. */
    static String shape(Demand demand, boolean first) {
        ServiceSpec service = demand.service();
        boolean alone = service.maxReplicasPerNode() > 0; // whether there is room depends on the service itself
        return new StringBuilder(200).append(alone ? service.uid() : "").append('\0').append(service.image()).append('\0')
                .append(service.reservations().nanoCpus()).append('\0').append(service.reservations().memoryBytes()).append('\0')
                .append(service.reservations().generic().isNone() ? "" : service.reservations().generic()).append('\0').append(service.constraints())
                .append('\0').append(service.spreadPreferences()).append('\0').append(service.platforms()).append('\0').append(service.hostPorts())
                .append('\0').append(service.openPorts()).append('\0').append(service.bindSources()).append('\0').append(demand.networksKnown()).append('\0').append(demand.encrypted())
                .append('\0').append(demand.mayStart()).append('\0').append(first).toString();
    }

    /**
     * Makes the ranking that of a service without tasks. It is of the same {@link #shape} as the one before.
     *
     * @param levels how many tasks every node gets where all get as many; 0 for all services of one ranking, or for none
     */
    void begin(Demand next, int levels) {
        demand = next;
        fullLevels = levels;
        for (int i = 0; i < countedTasks; i++) {
            counts.remove(counted[i]);
        }
        for (int i = 0; i < countedTasks; i++) {
            rank(counted[i]);
        }
        countedTasks = 0;
        if (loads.changes() - seenChanges > suits.length) {
            for (int place = 0; place < suits.length; place++) {
                rank(place);
            }
        } else {
            for (int number = seenChanges; number < loads.changes(); number++) {
                rank(loads.changeAt(number));
            }
        }
        seenChanges = loads.changes();
    }

    /** Counts one task of the service at the node. */
    void count(int place) {
        if (countedTasks == counted.length) {
            counted = Arrays.copyOf(counted, 2 * countedTasks);
        }
        counted[countedTasks++] = place;
        counts.add(place);
        rank(place);
    }

    /** Where the node belongs after its load or its tasks have changed; out of it once it has no more room. */
    private void rank(int place) {
        if (suits[place] && demand.fits(loads.roster().node(place), loads.room(place))) {
            int tasks = counts.tasks(place);
            ranking.put(place, tasks, price(place), tasks < fullLevels ? 0 : atTurn.tasks(place));
        } else {
            ranking.remove(place);
        }
    }

    int price(int place) {
        return Price.of(demand.service(), loads.roster().node(place), atTurn.nanoCpus(place), atTurn.memoryBytes(place), imageAtHand[place]);
    }

    Ranking nodes() {
        return ranking;
    }
}
