package dev.starling.node.dns;

import dev.starling.netlink.AddressText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which name has which addresses, in each network; immutable. The agent makes a new one when the view changes and gives it to
 * {@link DnsServer#update}.
 *
 * <p>A container asks at the gateway of one network, but may be in several. {@code clients} says in which, so that one name server in its
 * resolv.conf is enough: names are looked up in those networks, in that order. A client that is not listed is in the network it asks at.
 */
public final class NameTable {
    private static final NameTable EMPTY = new NameTable(new TreeMap<>(), new TreeMap<>());

    private final SortedMap<String, SortedMap<String, List<String>>> names;
    private final SortedMap<String, SortedMap<String, String>> nameOfAddress;
    private final SortedMap<String, SortedMap<String, List<String>>> clients;

    private NameTable(SortedMap<String, SortedMap<String, List<String>>> names, SortedMap<String, SortedMap<String, List<String>>> clients) {
        this.names = names;
        this.nameOfAddress = reversed(names);
        this.clients = clients;
    }

    public static NameTable empty() {
        return EMPTY;
    }

    /**
     * @param names   network uid to name to addresses, IPv6 as in RFC 5952; names in any case, without a trailing dot: {@code web}, {@code tasks.web}, {@code web.1.TASKID}
     * @param clients network uid to a container's address in it to the uids of all networks of that container, the preferred first
     * @throws IllegalArgumentException for what is not an address
     */
    public static NameTable of(Map<String, Map<String, List<String>>> names, Map<String, Map<String, List<String>>> clients) {
        SortedMap<String, SortedMap<String, List<String>>> checked = new TreeMap<>();
        names.forEach((network, ofNetwork) -> {
            SortedMap<String, List<String>> lowerCase = new TreeMap<>();
            new TreeMap<>(ofNetwork).forEach((name, addresses) -> lowerCase.merge(name.toLowerCase(Locale.ROOT), checkedAddresses(addresses), NameTable::union));
            checked.put(network, lowerCase);
        });
        SortedMap<String, SortedMap<String, List<String>>> copied = new TreeMap<>();
        clients.forEach((network, ofNetwork) -> {
            SortedMap<String, List<String>> ofAddress = new TreeMap<>();
            ofNetwork.forEach((address, networks) -> ofAddress.put(address, List.copyOf(networks)));
            copied.put(network, ofAddress);
        });
        return new NameTable(checked, copied);
    }

    /** Addresses of a name as a client sees it, or empty where no such name exists. A known name may have no address (a service without a running task). */
    public Optional<List<String>> addresses(String network, String client, String name) {
        String lowerCase = name.toLowerCase(Locale.ROOT);
        return networksOf(network, client).stream()
            .map(uid -> names.getOrDefault(uid, Collections.emptySortedMap()).get(lowerCase))
            .filter(found -> found != null).findFirst();
    }

    /** The name that says most about an address: a task's own rather than its service's. */
    Optional<String> name(String network, String client, String address) {
        return networksOf(network, client).stream()
            .map(uid -> nameOfAddress.getOrDefault(uid, Collections.emptySortedMap()).get(address))
            .filter(found -> found != null).findFirst();
    }

    private List<String> networksOf(String network, String client) {
        return clients.getOrDefault(network, Collections.emptySortedMap()).getOrDefault(client, List.of(network));
    }

    private static List<String> checkedAddresses(List<String> addresses) {
        addresses.forEach(AddressText::bytes);
        return List.copyOf(new LinkedHashSet<>(addresses));
    }

    private static List<String> union(List<String> some, List<String> more) {
        Set<String> all = new LinkedHashSet<>(some);
        all.addAll(more);
        return List.copyOf(all);
    }

    private static SortedMap<String, SortedMap<String, String>> reversed(SortedMap<String, SortedMap<String, List<String>>> names) {
        Comparator<String> mostLabelsFirst = Comparator.comparing((String name) -> -name.split("\\.").length).thenComparing(Comparator.naturalOrder());
        SortedMap<String, SortedMap<String, String>> reversed = new TreeMap<>();
        names.forEach((network, ofNetwork) -> {
            SortedMap<String, String> ofAddress = new TreeMap<>();
            List<String> ordered = new ArrayList<>(ofNetwork.keySet());
            ordered.sort(mostLabelsFirst);
            ordered.forEach(name -> ofNetwork.get(name).forEach(address -> ofAddress.putIfAbsent(address, name)));
            reversed.put(network, ofAddress);
        });
        return reversed;
    }
}
