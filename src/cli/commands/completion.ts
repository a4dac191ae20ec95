import { defineCommand } from "../command.ts";

/** `completion`: print a script that completes command lines in a shell. */
export const completionCommand = defineCommand({
  name: "completion",
  summary: "print a script that completes command lines in a shell",

  options: {},
  arguments: [{ name: "shell", description: "bash, zsh, fish or powershell" }],
  help: {
    description: `Prints the completion of commands, options, and names of packages. Load it in the file that your shell reads at its start,
      in bash with: source <(cpm-registry completion bash).
      The names come from the registry of the configuration; a registry that does not answer within a second completes none.`,
    examples: ["cpm-registry completion bash > ~/.local/share/bash-completion/completions/cpm-registry"],
  },
  run: async (_, [shell]) => {
    const { completion } = await import("../completion-scripts.ts");
    return completion(shell);
  },
});
