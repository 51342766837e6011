package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Action;
import dev.starling.netlink.nft.Chain;
import dev.starling.netlink.nft.Data;
import dev.starling.netlink.nft.Family;
import dev.starling.netlink.nft.Match;
import dev.starling.netlink.nft.NamedSet;
import dev.starling.netlink.nft.NamedSet.Element;
import dev.starling.netlink.nft.Rule;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The chain that gives a connection to one of a service's backends. Verdict maps lead to it, so its length is all that a connection passes.
 *
 * <pre>
 * chain tcp-8080 { numgen random mod 3 == 0 dnat to 10.255.0.18:80
 *                  numgen random mod 2 == 0 dnat to 10.255.0.34:80
 *                  dnat to 10.255.0.50:80 }
 * </pre>
 *
 * The k-th of n rules is taken with 1/(n-k+1), so all have the same chance. They are plain rules, exchanged in one batch, since a packet passes
 * either the old ones or the new; elements of a map are looked up by the time of the lookup, and one that is exchanged may be found neither old
 * nor new by a packet that is under way. So where a map chooses, the plain rules stay behind it:
 *
 * <pre>
 * map tcp-8080   { type mark : ipv4_addr . inet_service;  elements = { 0 : 10.255.0.34 . 80, 1 : 10.255.0.18 . 80, ... } }
 * chain tcp-8080 { dnat to jhash ip saddr mod 256 seed 0x5374 map @tcp-8080
 *                  numgen random mod 3 == 0 dnat to 10.255.0.18:80 ... }
 * </pre>
 *
 * @param lead    the element of a verdict map that leads here
 * @param local   the addresses of backends on this host, as elements of a set
 * @param buckets the map, where the client's address chooses
 */
record ServiceRules(List<Backend> backends, Choice choice, Chain chain, Element lead, List<Element> local, Optional<NamedSet> buckets) {
    /** The same on each host: a client gets the same backend by all of them. */
    private static final int SEED = 0x5374;

    /**
     * @param name     of the chain and the map
     * @param key      what a connection to the service is known by
     * @param backends none of them twice, not empty
     */
    static ServiceRules of(String name, Data key, Collection<Backend> backends, Choice choice) {
        List<Backend> ordered = List.copyOf(backends);
        List<Rule> rules = new ArrayList<>();
        Optional<NamedSet> buckets = choice == Choice.BY_CLIENT && ordered.size() > 1 ? Optional.of(buckets(name, ordered)) : Optional.empty();
        buckets.ifPresent(map -> rules.add(Rule.of(Action.destinationNatBySource(family(ordered), Buckets.COUNT, SEED, name, hasPort(ordered)))));
        for (int i = 0; i < ordered.size(); i++) {
            Backend backend = ordered.get(i);
            rules.add(Rule.of(Match.oneOf(ordered.size() - i), backend.port() == 0 ? Action.destinationNat(backend.address())
                : Action.destinationNat(backend.address(), backend.port())));
        }
        List<Element> local = ordered.stream().filter(Backend::local).map(backend -> Element.of(Data.address(backend.address()))).toList();
        return new ServiceRules(ordered, choice, Chain.called(name, rules), Element.moveTo(key, name), local, buckets);
    }

    private static Family family(List<Backend> backends) {
        return Family.of(backends.get(0).address());
    }

    private static boolean hasPort(List<Backend> backends) {
        return backends.get(0).port() != 0;
    }

    private static NamedSet buckets(String name, List<Backend> backends) {
        List<Element> elements = new ArrayList<>();
        for (int bucket = 0; bucket < Buckets.COUNT; bucket++) {
            Backend owner = Buckets.owner(bucket, backends);
            Data address = Data.address(owner.address());
            elements.add(Element.of(Data.number(bucket), hasPort(backends) ? Data.concatenated(address, Data.port(owner.port())) : address));
        }
        return NamedSet.of(name, hasPort(backends) ? NamedSet.Type.addressAndPortOfNumber(family(backends), Buckets.COUNT)
            : NamedSet.Type.addressOfNumber(family(backends), Buckets.COUNT), elements);
    }

    /**
     * Makes each service's rules once for as long as its backends are the same: of a thousand services one changes at a time, and tables whose
     * parts are the same objects are compared at a glance. Not for several threads.
     */
    static final class Memory {
        /** Beyond that everything is made anew: a bound against names that never come again. */
        private static final int LIMIT = 20_000;

        private record Made(Collection<Backend> given, ServiceRules rules) {}

        private record FromList(List<Element> elements, NamedSet set) {}

        /** The few sets of a table that all services are in. */
        private final Map<String, FromList> sets = new HashMap<>();
        private final Map<String, Made> remembered = new HashMap<>();

        /** @param backends immutable */
        ServiceRules of(String name, Supplier<Data> key, Collection<Backend> backends, Choice choice) {
            Made before = remembered.get(name);
            if (before != null && before.rules().choice() == choice
                    && (before.given() == backends || before.rules().backends().equals(List.copyOf(backends)))) {
                return before.rules();
            }
            if (remembered.size() >= LIMIT) {
                remembered.clear();
            }
            ServiceRules made = ServiceRules.of(name, key.get(), backends, choice);
            remembered.put(name, new Made(backends, made));
            return made;
        }

        /** The same set as the last of this name, where it has the same elements in the same order. */
        NamedSet set(String name, NamedSet.Type type, List<Element> elements) {
            FromList before = sets.get(name);
            if (before == null || !before.elements().equals(elements)) {
                before = new FromList(elements, NamedSet.of(name, type, elements));
                sets.put(name, before);
            }
            return before.set();
        }
    }
}
