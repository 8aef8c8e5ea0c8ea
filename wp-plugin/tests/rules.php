<?php

/**
 * Rules of WordPress that PHPCS's own sniffs do not hold: php rules.php FILE… prints what breaks one and ends with 1.
 *
 * It reads tokens, not text. What it cannot follow it refuses: an exception is written down beside the line, with why, as
 * "phpcs:ignore WordPress.Security.EscapeOutput -- why".
 */

namespace Sedifex\Tests;

// phpcs:disable PSR1.Files.SideEffects

const ESCAPES = [
    'esc_html', 'esc_attr', 'esc_url', 'esc_textarea', 'esc_html__', 'esc_attr__', 'wp_kses', 'wp_kses_post', 'tag_escape',
    'checked', 'selected', 'disabled', 'wp_nonce_field', 'get_block_wrapper_attributes', 'printf', 'sprintf',
];
const TRANSLATES = ['__' => 1, '_e' => 1, 'esc_html__' => 1, 'esc_attr__' => 1, 'esc_html_e' => 1, 'esc_attr_e' => 1, '_n' => 3];
const OPTIONS = ['get_option', 'update_option', 'add_option', 'delete_option', 'get_user_meta', 'update_user_meta', 'register_setting'];
const REMOTE = '#(?:url\(|@import|src=|wp_(?:enqueue|register)_(?:style|script)\([^;]*)\s*["\']?https?://#i';

final class Rules
{
    private string $name;
    private string $text;
    /** @var array<int, array{0: int, 1: string, 2: int}> without white space; comments are kept. */
    private array $tokens = [];
    /** @var string[] */
    public array $broken = [];

    public function __construct(string $name, string $text)
    {
        $this->name = $name;
        $this->text = $text;
        if (substr($name, -4) === '.php') {
            $line = 1;
            foreach (token_get_all($text) as $token) {
                $token = is_array($token) ? $token : [0, $token, $line];
                $line = $token[2] + substr_count($token[1], "\n");
                if ($token[0] !== T_WHITESPACE) {
                    $this->tokens[] = $token;
                }
            }
            $this->judge();
        }
        if (preg_match(REMOTE, $text)) {
            $this->say(0, 'an asset of another server');
        }
    }

    private function judge(): void
    {
        if (!preg_match("/defined\('(?:ABSPATH|WP_UNINSTALL_PLUGIN)'\) \|\| exit;|Silence is golden/", $this->text)) {
            $this->say(0, 'no guard against being opened by itself');
        }
        $isTemplate = (bool) preg_match('#/(?:templates|blocks)/|/index\.php$#', $this->name);
        if (!$isTemplate && strpos($this->text, "\nnamespace Sedifex;") === false) {
            $this->say(0, 'names without the prefix: no namespace');
        }
        foreach ($this->tokens as $at => [$kind, $text, $line]) {
            if ($kind === T_ECHO || $kind === T_PRINT || $kind === T_OPEN_TAG_WITH_ECHO) {
                $this->output($at + 1, $line);
            } elseif ($kind === T_VARIABLE && preg_match('/^\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES)$/', $text)) {
                $this->superglobal($line);
            } elseif ($kind === T_VARIABLE && $isTemplate && !preg_match('/^\$(?:sedifex_\w+|card|attributes)$/', $text)) {
                $this->say($line, "a variable of the template without the prefix: $text");
            } elseif ($kind === T_STRING && ($this->tokens[$at + 1][1] ?? '') === '(') {
                $this->call($at, $text, $line);
            }
        }
    }

    private function call(int $at, string $name, int $line): void
    {
        $arguments = $this->arguments($at + 1);
        $first = $arguments[0][0] ?? [0, '', 0];
        $isMethod = in_array($this->tokens[$at - 1][0] ?? 0, [T_OBJECT_OPERATOR, T_DOUBLE_COLON, T_FUNCTION], true);
        if ($isMethod) {
            return;
        }
        if (isset(TRANSLATES[$name])) {
            $domain = $arguments[TRANSLATES[$name]] ?? [];
            if (count($arguments[0]) !== 1 || $first[0] !== T_CONSTANT_ENCAPSED_STRING) {
                $this->say($line, 'a translated text that is not written out');
            }
            if (($domain[0][1] ?? '') !== "'sedifex'") {
                $this->say($line, 'the text domain is not "sedifex"');
            }
        } elseif (in_array($name, OPTIONS, true)) {
            $key = trim((substr($name, -10) === '_user_meta' ? $arguments[1][0] : $first)[1] ?? '', '"\'');
            if ($this->isForeignOption($name, $first, $arguments, $key)) {
                $this->say($line, "an option without the prefix: $key");
            }
        } elseif ($name === 'register_rest_route') {
            $given = implode('', array_column($arguments[2] ?? [], 1));
            if (!preg_match("/'permission_callback'=>(?!'__return_true')/", $given)) {
                $this->say($line, 'a REST route without a permission callback');
            }
        } elseif ($name === 'printf') {
            $this->output($at, $line);
        } elseif ($name === 'add_action' && preg_match('/^[\'"]admin_post/', $first[1])) {
            foreach (['current_user_can(', 'check_admin_referer('] as $check) {
                if (strpos($this->text, $check) === false) {
                    $this->say($line, "an action without $check)");
                }
            }
            if (strpos($first[1], 'nopriv') !== false) {
                $this->say($line, 'an action for anybody');
            }
        }
    }

    private function isForeignOption(string $name, array $first, array $arguments, string $key): bool
    {
        $known = ['date_format', 'time_format', 'permalink_structure'];
        $isRead = $name === 'get_option' && in_array($key, $known, true);
        $isOurs = strpos($key, 'sedifex_') === 0 || in_array($first[1], ['self', '$name', 'Schedule', 'Views'], true);
        // "sedifex_…_$id": the tokenizer takes an interpolated string apart.
        $isInterpolated = $first[1] === '"' && strpos($arguments[0][1][1] ?? '', 'sedifex_') === 0;
        return !$isRead && !$isOurs && !$isInterpolated;
    }

    private function superglobal(int $line): void
    {
        $lines = explode("\n", $this->text);
        if (strpos($lines[$line - 2] ?? '', 'phpcs:ignore WordPress.Security.NonceVerification') === false) {
            $this->say($line, 'what was sent is read without a check');
        }
    }

    /**
     * Every piece that is printed must be written out, or be escaped in this place.
     */
    private function output(int $from, int $line): void
    {
        $lines = explode("\n", $this->text);
        if (strpos($lines[$line - 2] ?? '', 'phpcs:ignore WordPress.Security.EscapeOutput -- ') !== false) {
            return;
        }
        $pieces = ($this->tokens[$from][1] ?? '') === 'printf' ? $this->arguments($from + 1) : [$this->statement($from)];
        foreach ($pieces as $piece) {
            foreach ($this->split($piece, ['.', ',']) as $part) {
                if (!$this->isSafe($part)) {
                    $this->say($line, 'printed without escaping: ' . implode('', array_column($part, 1)));
                }
            }
        }
    }

    private function isSafe(array $part): bool
    {
        $first = $part[0] ?? [0, '', 0];
        $choice = $this->split($part, ['?', ':']);
        if (count($choice) === 3) {
            return $this->isSafe($choice[1]) && $this->isSafe($choice[2]);
        }
        if ($first[1] === '(') {
            $inner = array_slice($part, 1, -1);
            foreach ($this->split($inner, ['.']) as $each) {
                if (!$this->isSafe($each)) {
                    return false;
                }
            }
            return true;
        }
        if ($first[0] === T_CONSTANT_ENCAPSED_STRING || $first[0] === T_INT_CAST || $first[0] === T_LNUMBER) {
            return count($part) === 1 || $first[0] === T_INT_CAST || $this->joined($part);
        }
        return $first[0] === T_STRING && in_array($first[1], ESCAPES, true);
    }

    private function joined(array $part): bool
    {
        $parts = $this->split($part, ['.']);
        return count($parts) > 1 && count(array_filter($parts, [$this, 'isSafe'])) === count($parts);
    }

    private function statement(int $from): array
    {
        $tokens = [];
        for ($at = $from; isset($this->tokens[$at]); $at++) {
            if (in_array($this->tokens[$at][1], [';'], true) || $this->tokens[$at][0] === T_CLOSE_TAG) {
                break;
            }
            if (!in_array($this->tokens[$at][0], [T_COMMENT, T_DOC_COMMENT], true)) {
                $tokens[] = $this->tokens[$at];
            }
        }
        return $tokens;
    }

    /**
     * The arguments of a call, each as its tokens; `from` is where its parenthesis opens.
     */
    private function arguments(int $from): array
    {
        $depth = 0;
        $tokens = [];
        for ($at = $from; isset($this->tokens[$at]); $at++) {
            $text = $this->tokens[$at][1];
            $depth += in_array($text, ['(', '[', '{'], true) ? 1 : (in_array($text, [')', ']', '}'], true) ? -1 : 0);
            if ($depth === 0) {
                break;
            }
            if ($at > $from && !in_array($this->tokens[$at][0], [T_COMMENT, T_DOC_COMMENT], true)) {
                $tokens[] = $this->tokens[$at];
            }
        }
        return $this->split($tokens, [',']);
    }

    private function split(array $tokens, array $marks): array
    {
        $parts = [[]];
        $depth = 0;
        foreach ($tokens as $token) {
            $depth += in_array($token[1], ['(', '[', '{'], true) ? 1 : (in_array($token[1], [')', ']', '}'], true) ? -1 : 0);
            if ($depth === 0 && $token[0] === 0 && in_array($token[1], $marks, true)) {
                $parts[] = [];
            } else {
                $parts[count($parts) - 1][] = $token;
            }
        }
        return array_values(array_filter($parts));
    }

    private function say(int $line, string $what): void
    {
        $this->broken[] = "$this->name:$line $what";
    }
}

$broken = [];
foreach (array_slice($argv, 1) as $file) {
    $broken = array_merge($broken, (new Rules($file, (string) file_get_contents($file)))->broken);
}
foreach ($broken as $each) {
    echo $each, "\n";
}
exit($broken ? 1 : 0);
