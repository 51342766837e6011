package dev.starling.node;

/** Entry point of starling.jar; the commands are in {@code dev.starling.node.cli}. */
public final class Main {
    public static void main(String[] args) {
        System.exit(2);
    }

    private Main() {}
}
