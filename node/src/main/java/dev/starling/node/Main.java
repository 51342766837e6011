package dev.starling.node;

import dev.starling.node.cli.StarlingCommand;
import picocli.CommandLine;

/** Entry point of starling.jar. */
public final class Main {
    public static void main(String[] args) {
        System.exit(new CommandLine(new StarlingCommand()).execute(args));
    }

    private Main() {}
}
