import { print } from "../runtime/print.ts";
import { UsageError } from "./usage.ts";

/*
 * Scripts for shells. Each asks the program itself for what can follow, so that a script never
 * falls behind the commands.
 */

const BASH = `# cpm-registry completion for bash. Load it: source <(cpm-registry completion bash)
_cpm_registry() {
  local IFS=$'\\n' current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while read -r word; do
    COMPREPLY+=("$word")
  done < <(cpm-registry complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$current" 2> /dev/null)
  [[ \${#COMPREPLY[@]} -gt 0 ]] || compopt -o default 2> /dev/null
}
complete -F _cpm_registry cpm-registry`;

const ZSH = `#compdef cpm-registry
# cpm-registry completion for zsh. Load it: source <(cpm-registry completion zsh)
_cpm_registry() {
  local -a found
  found=("\${(@f)$(cpm-registry complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ -n "$found[1]" ]]; then
    compadd -Q -- "$found[@]"
  else
    _files
  fi
}
if [[ "$funcstack[1]" = "_cpm_registry" ]]; then
  _cpm_registry "$@"
else
  compdef _cpm_registry cpm-registry
fi`;

const FISH = `# cpm-registry completion for fish. Load it: cpm-registry completion fish | source
function __cpm_registry
  set -l words (commandline -opc) (commandline -ct)
  set -l found (cpm-registry complete -- $words[2..-1] 2> /dev/null)
  if count $found > /dev/null
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c cpm-registry -f -a '(__cpm_registry)'`;

const POWERSHELL = `# cpm-registry completion for PowerShell. Load it:
#   cpm-registry completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName cpm-registry -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '""' }
  cpm-registry complete -- @words 2> $null | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}`;

/** The completion of each shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};

/** Prints the script that completes command lines in a shell. */
export function completion(shell: string): number {
  const script = Object.hasOwn(COMPLETION_SCRIPTS, shell) ? COMPLETION_SCRIPTS[shell] : undefined;
  if (script === undefined) {
    throw new UsageError(
      `There is no completion for '${shell}', only for ${Object.keys(COMPLETION_SCRIPTS).join(", ")}.`,
    );
  }
  print(script);
  return 0;
}
