package dev.starling.scheduler.filter;

/** Why a node does not do, in the fewest words, as they follow a number of nodes: "1 lacks memory", "2 lack memory". */
public record Brief(String one, String several) implements Comparable<Brief> {
    static Brief same(String words) {
        return new Brief(words, words);
    }

    static Brief lacking(String what) {
        return new Brief("lacks " + what, "lack " + what);
    }

    public static Brief refusing(String reason) {
        return same("refused: " + reason);
    }

    public String of(int nodes) {
        return nodes + " " + (nodes == 1 ? one : several);
    }

    @Override
    public int compareTo(Brief other) {
        return one.compareTo(other.one);
    }
}
