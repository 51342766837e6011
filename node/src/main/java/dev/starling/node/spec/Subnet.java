package dev.starling.node.spec;

/** An IPv4 network, {@code 10.0.1.0/24}: {@code base} as an unsigned number with the host bits zero. */
record Subnet(long base, int prefix) {
    Subnet {
        if (prefix < 0 || prefix > 32 || base < 0 || base > 0xffff_ffffL || (base & (sizeOf(prefix) - 1)) != 0) {
            throw new IllegalArgumentException("not a subnet: " + base + "/" + prefix);
        }
    }

    /** @throws IllegalArgumentException where {@code text} is no IPv4 CIDR, or has host bits */
    static Subnet parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("\"" + text + "\" has no prefix length");
        }
        int prefix;
        try {
            prefix = Integer.parseInt(text.substring(slash + 1));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("\"" + text + "\" has no prefix length", e);
        }
        return new Subnet(address(text.substring(0, slash)), prefix);
    }

    static long address(String dotted) {
        String[] parts = dotted.split("\\.", -1);
        if (parts.length != 4) {
            throw new IllegalArgumentException("\"" + dotted + "\" is not an IPv4 address");
        }
        long result = 0;
        for (String part : parts) {
            if (!part.matches("[0-9]{1,3}") || Integer.parseInt(part) > 255) {
                throw new IllegalArgumentException("\"" + dotted + "\" is not an IPv4 address");
            }
            result = result << 8 | Integer.parseInt(part);
        }
        return result;
    }

    static String dotted(long address) {
        return (address >> 24) + "." + (address >> 16 & 255) + "." + (address >> 8 & 255) + "." + (address & 255);
    }

    boolean contains(long address) {
        return address >= base && address < base + sizeOf(prefix);
    }

    boolean overlaps(Subnet other) {
        return contains(other.base) || other.contains(base);
    }

    /** The address after the base, as Docker gives it to the gateway. */
    String firstHost() {
        return dotted(base + 1);
    }

    private static long sizeOf(int prefix) {
        return 1L << (32 - prefix);
    }

    @Override
    public String toString() {
        return dotted(base) + "/" + prefix;
    }
}
