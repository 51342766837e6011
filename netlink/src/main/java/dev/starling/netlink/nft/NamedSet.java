package dev.starling.netlink.nft;

import java.util.Collection;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A named set, map or verdict map: rules find in it by hash what would otherwise be a rule each. Its elements are changed one by one; rules that
 * look into it stay.
 */
public record NamedSet(String name, Type type, SortedSet<Element> elements) {
    /**
     * {@code NFTA_SET_KEY_TYPE} and its like. The kernel keeps the types' numbers for nft's sake only; what counts for it are lengths in bytes.
     *
     * @param dataType 0 for a set, {@link #VERDICT} for a verdict map, whose {@code dataLength} is 0
     * @param size     the most elements that it holds; 0: it grows
     */
    public record Type(int flags, int keyType, int keyLength, int dataType, int dataLength, int size) {
        static final int MAP = 8;
        static final int VERDICT = 0xffffff00;
        // enum datatypes of nft; a concatenation has six bits for each part
        private static final int IPV4_ADDRESS = 7;
        private static final int IPV6_ADDRESS = 8;
        private static final int INET_PROTOCOL = 12;
        private static final int INET_SERVICE = 13;
        private static final int MARK = 19;
        private static final int INTERFACE_NAME = 41;

        /** {@code type ifname} */
        public static final Type DEVICES = new Type(0, INTERFACE_NAME, 16, 0, 0, 0);
        /** {@code type inet_proto . inet_service : verdict} */
        public static final Type VERDICT_OF_PORT = new Type(MAP, INET_PROTOCOL << 6 | INET_SERVICE, 8, VERDICT, 0, 0);

        boolean isHostOrder() {
            return keyType == MARK || keyType == INTERFACE_NAME;
        }

        private static int addressType(Family family) {
            return family == Family.IPV4 ? IPV4_ADDRESS : IPV6_ADDRESS;
        }

        /** {@code type ipv4_addr} or {@code ipv6_addr} */
        public static Type addresses(Family family) {
            return new Type(0, addressType(family), family.addressLength, 0, 0, 0);
        }

        /** {@code type ipv4_addr : verdict} or {@code ipv6_addr : verdict} */
        public static Type verdictOfAddress(Family family) {
            return new Type(MAP, addressType(family), family.addressLength, VERDICT, 0, 0);
        }

        /** {@code type mark : ipv4_addr}, for numbers below {@code size}. */
        public static Type addressOfNumber(Family family, int size) {
            return new Type(MAP, MARK, 4, addressType(family), family.addressLength, size);
        }

        /** {@code type mark : ipv4_addr . inet_service}, for numbers below {@code size}. */
        public static Type addressAndPortOfNumber(Family family, int size) {
            return new Type(MAP, MARK, 4, addressType(family) << 6 | INET_SERVICE, family.addressLength + 4, size);
        }
    }

    /**
     * @param value of a map's element
     * @param chain of a verdict map's: where to go on
     */
    public record Element(Data key, Data value, String chain) implements Comparable<Element> {
        public static Element of(Data key) {
            return new Element(key, Data.NONE, "");
        }

        /** {@code KEY : VALUE} */
        public static Element of(Data key, Data value) {
            return new Element(key, value, "");
        }

        /** {@code KEY : goto CHAIN} */
        public static Element moveTo(Data key, String chain) {
            return new Element(key, Data.NONE, chain);
        }

        @Override
        public int compareTo(Element other) {
            int byKey = key.compareTo(other.key);
            int byValue = byKey != 0 ? byKey : value.compareTo(other.value);
            return byValue != 0 ? byValue : chain.compareTo(other.chain);
        }
    }

    public static NamedSet of(String name, Type type, Collection<Element> elements) {
        return new NamedSet(name, type, Collections.unmodifiableSortedSet(new TreeSet<>(elements)));
    }
}
