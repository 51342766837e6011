package dev.starling.node.cli;

import picocli.CommandLine.Command;

/** {@code java -jar starling.jar}: see each subcommand. */
@Command(name = "starling", description = "Docker Swarm without managers.", mixinStandardHelpOptions = true,
        versionProvider = BuildInfo.class, subcommands = {RunCommand.class, ImageCommand.class,
                ExplainCommand.class, PlanCommand.class, WhatIfCommand.class})
public final class StarlingCommand {}
