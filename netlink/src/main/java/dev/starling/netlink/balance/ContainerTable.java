package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Action;
import dev.starling.netlink.nft.Chain;
import dev.starling.netlink.nft.Match;
import dev.starling.netlink.nft.Rule;
import dev.starling.netlink.nft.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;

/**
 * The rules inside of a container's network namespace, as a table; pure. A service's virtual address is exchanged for a task's where the
 * connection begins, so the task sees who calls, and a task that calls its own service needs no exception:
 *
 * <pre>
 * chain output   { type nat hook output priority dstnat;  ip daddr 10.0.1.200 goto 10.0.1.200 }
 * chain 10.0.1.200 { numgen random mod 2 == 0 dnat to 10.0.1.18
 *                    dnat to 10.0.1.34 }
 * </pre>
 */
public final class ContainerTable {
    /** @param services virtual address to the addresses of the tasks behind it */
    public static Table of(SortedMap<String, SortedSet<String>> services) {
        List<Chain> chains = new ArrayList<>();
        List<Rule> output = new ArrayList<>();
        services.forEach((virtual, tasks) -> {
            if (!tasks.isEmpty()) {
                output.add(Rule.of(Match.destination(virtual), Action.moveTo(virtual)));
                chains.add(Chain.called(virtual, balanced(List.copyOf(tasks))));
            }
        });
        chains.add(Chain.at("output", Chain.Hook.destinationNatOfOwnTraffic(), output));
        return Table.of(chains);
    }

    private static List<Rule> balanced(List<String> tasks) {
        List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < tasks.size(); i++) {
            rules.add(Rule.of(Match.oneOf(tasks.size() - i), Action.destinationNat(tasks.get(i))));
        }
        return rules;
    }

    private ContainerTable() {}
}
