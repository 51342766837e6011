package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Action;
import dev.starling.netlink.nft.Chain;
import dev.starling.netlink.nft.Data;
import dev.starling.netlink.nft.Family;
import dev.starling.netlink.nft.NamedSet;
import dev.starling.netlink.nft.NamedSet.Element;
import dev.starling.netlink.nft.Rule;
import dev.starling.netlink.nft.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/**
 * The rules inside of a container's network namespace, as a table; pure. A service's virtual address is exchanged for a task's where the
 * connection begins, so the task sees who calls, and a task that calls its own service needs no exception:
 *
 * <pre>
 * map services     { type ipv4_addr : verdict;  elements = { 10.0.1.200 : goto 10.0.1.200 } }
 * chain output     { type nat hook output priority dstnat;  ip daddr vmap @services }
 * chain 10.0.1.200 { numgen random mod 2 == 0 dnat to 10.0.1.18
 *                    dnat to 10.0.1.34 }
 * </pre>
 */
final class ContainerTable {
    private static final String SERVICES = "services";

    /** @param services by virtual address of this family; none: an empty table, which costs connections nothing */
    static Table of(Family family, SortedMap<String, VirtualService> services, ServiceRules.Memory memory) {
        if (services.isEmpty()) {
            return Table.empty(family);
        }
        List<Chain> chains = new ArrayList<>();
        List<NamedSet> sets = new ArrayList<>();
        List<Element> leads = new ArrayList<>();
        services.forEach((virtual, service) -> {
            if (!service.tasks().isEmpty()) {
                ServiceRules rules = memory.of(virtual, () -> Data.address(virtual),
                    service.tasks().stream().map(task -> new Backend(task, 0, false)).toList(), service.choice());
                chains.add(rules.chain());
                rules.buckets().ifPresent(sets::add);
                leads.add(rules.lead());
            }
        });
        sets.add(NamedSet.of(SERVICES, NamedSet.Type.verdictOfAddress(family), leads));
        chains.add(Chain.at("output", Chain.Hook.destinationNatOfOwnTraffic(), List.of(Rule.of(Action.byDestination(family, SERVICES)))));
        return Table.of(family, chains, sets);
    }

    private ContainerTable() {}
}
