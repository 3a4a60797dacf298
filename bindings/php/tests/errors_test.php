<?php

declare(strict_types=1);

namespace Fast\Tests;

use Fast\AbandonedException;
use Fast\Client;
use Fast\ClosedException;
use Fast\Codes;
use Fast\ConnectException;
use Fast\ConnectionLostException;
use Fast\FastException;
use Fast\InvalidException;
use Fast\NoEndpointException;
use Fast\OverloadException;
use Fast\ProtocolException;
use Fast\RemoteException;
use Fast\TimeoutException;
use Fast\TooLargeException;

return [
    'every code has a class' => static function (): void {
        foreach (Codes::CLASSES as $code => [$name, $class]) {
            check(is_subclass_of($class, FastException::class) && is_subclass_of($class, \RuntimeException::class), $class);
            $error = FastException::of($code, 'why');
            same([$class, $name, $name, $code, 'why'], [$error::class, $error->fastCode, $error->getFastCode(), $error->getCode(), $error->getMessage()]);
        }
        same('FAST_E_-77', FastException::of(-77, 'of a newer library')->fastCode);
    },

    'an error of the server arrives whole' => static function (): void {
        $error = thrown(RemoteException::class, static fn () => (new Client(CalcServer::shared()->target))->call('fail'));
        same(['FAST_E_REMOTE', 'CalcError', 42, false], [$error->fastCode, $error->remoteName, $error->info->code, $error->retriable]);
        same(CalcServer::shared()->address, $error->endpoint);
        contains('asked to fail', $error->getMessage());
        same(['FastServerError', 'asked to fail', null], [$error->causeName, $error->remoteMessage, $error->aseErrors]);
        same(['code' => 42, 'rpcMethod' => 'fail', 'rpcMsgid' => 1], (array) $error->mergedInfo);
        same([], (array) $error->context);
    },

    'an error that is no failure of a call has no cause' => static function (): void {
        $error = thrown(InvalidException::class, static fn () => (new Client(CalcServer::shared()->target))->call('add', 7));
        same(['', null, '', null, null], [$error->causeName, $error->mergedInfo, $error->remoteMessage, $error->context, $error->aseErrors]);
    },

    'an abandoned stream says so in its loop' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $stream = $client->stream('range', [1_000_000_000]);
        $error = thrown(AbandonedException::class, static function () use ($stream): void {
            foreach ($stream as $_) {
                $stream->abandon();
            }
        });
        same(['FAST_E_ABANDONED', 'FastRequestAbandonedError', 'range'], [$error->fastCode, $error->causeName, $error->mergedInfo->rpcMethod]);
        same(0, $client->stats()['in_flight']);
        $stream->abandon();
    },

    'an unknown method is an error of the server' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        contains('nope', thrown(RemoteException::class, static fn () => $client->call('nope'))->getMessage());
        thrown(RemoteException::class, static fn () => iterator_to_array($client->stream('nope')));
    },

    'an address without a server' => static function (): void {
        $address = deaf_address();
        $error = thrown(ConnectException::class, static fn () => (new Client($address))->call('add', [1, 2]));
        same(['FAST_E_CONNECT', $address, true], [$error->fastCode, $error->endpoint, $error->retriable]);
    },

    'a service without providers' => static function (): void {
        $client = new Client('dir://' . folder() . '/calc');
        $error = thrown(NoEndpointException::class, static fn () => $client->call('add', [1, 2]));
        same(['FAST_E_NO_ENDPOINT', ''], [$error->fastCode, $error->endpoint]);
        thrown(NoEndpointException::class, static fn () => $client->pick());
        thrown(TimeoutException::class, static fn () => $client->ready(10));
    },

    'arguments that are no list' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        foreach ([['a' => 1], 'text', 7, null, new \stdClass()] as $args) {
            same('FAST_E_INVALID', thrown(InvalidException::class, static fn () => $client->call('echo', $args))->fastCode);
            thrown(InvalidException::class, static fn () => iterator_to_array($client->stream('echo', $args)));
        }
    },

    'arguments that are no JSON' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        foreach ([NAN, INF, "\xff", fopen('php://memory', 'r')] as $value) {
            $error = thrown(InvalidException::class, static fn () => $client->call('echo', [$value]));
            same('FAST_E_INVALID', $error->fastCode);
            contains('"echo"', $error->getMessage());
            check($error->getPrevious() instanceof \JsonException, 'the reason is kept');
        }
    },

    'a value that PHP cannot hold' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        // An array may have such a key, an object of PHP may not.
        $error = thrown(ProtocolException::class, static fn () => $client->call('echo', [["\0a" => 1]]));
        contains('PHP cannot hold', $error->getMessage());
        same(5, $client->call('add', [2, 3])[0]->sum);
    },

    'a call that takes too long' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $start = hrtime(true);
        $error = thrown(TimeoutException::class, static fn () => $client->call('slow', [10_000], ['timeout_ms' => 50]));
        check(hrtime(true) - $start < 5e9, 'in time');
        same(['FAST_E_TIMEOUT', CalcServer::shared()->address], [$error->fastCode, $error->endpoint]);
        same(['TimeoutError', 50, 'slow'], [$error->causeName, $error->mergedInfo->timeout, $error->mergedInfo->rpcMethod]);
        thrown(TimeoutException::class, static fn () => iterator_to_array($client->stream('slow', [10_000], ['timeout_ms' => 50])));
        thrown(
            TimeoutException::class,
            static fn () => (new Client(CalcServer::shared()->target, ['timeout_ms' => 50]))->call('slow', [10_000]),
        );
    },

    'a server that is killed in the middle of a stream' => static function (): void {
        $server = new CalcServer();
        $got = 0;
        $error = thrown(ConnectionLostException::class, static function () use ($server, &$got): void {
            foreach ((new Client($server->target))->stream('range', [1_000_000_000]) as $value) {
                same($got++, $value->value);
                if ($got === 10) {
                    $server->kill();
                }
            }
        });
        check($got >= 10, 'values before the end');
        // Which of them depends on whether it died in the middle of a message.
        check(in_array($error->causeName, ['FastTransportError', 'FastProtocolError'], true), $error->causeName);
        same(['FAST_E_CONN_LOST', $server->address, false], [$error->fastCode, $error->endpoint, $error->retriable]);
    },

    'a client that was closed' => static function (): void {
        $client = new Client(CalcServer::shared()->target);
        $client->call('add', [1, 2]);
        $client->close();
        same('FAST_E_CLOSED', thrown(ClosedException::class, static fn () => $client->call('add', [1, 2]))->fastCode);
        thrown(ClosedException::class, static fn () => iterator_to_array($client->stream('add', [1, 2])));
        thrown(ClosedException::class, static fn () => $client->ready(10));
        thrown(ClosedException::class, static fn () => $client->pick());
    },

    'more calls than max_calls' => static function (): void {
        $client = new Client(CalcServer::shared()->target, ['max_calls' => 1]);
        $stream = $client->stream('range', [10]);
        same('FAST_E_OVERLOAD', thrown(OverloadException::class, static fn () => $client->call('add', [1, 2]))->fastCode);
        same(10, count(iterator_to_array($stream)));
        $client->call('add', [1, 2]);
    },

    'a message that is too large' => static function (): void {
        $client = new Client(CalcServer::shared()->target, ['max_frame_bytes' => 1024]);
        $error = thrown(TooLargeException::class, static fn () => $client->call('echo', [str_repeat('x', 2000)]));
        same('FAST_E_TOO_LARGE', $error->fastCode);
    },

    'a server that speaks another protocol' => static function (): void {
        $pipes = [];
        $process = proc_open([PHP_BINARY, __DIR__ . '/scripts/web_server.php'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
        $address = trim((string) fgets($pipes[1]));
        $error = thrown(ProtocolException::class, static fn () => (new Client($address))->call('add', [1, 2]));
        same(['FAST_E_PROTOCOL', $address], [$error->fastCode, $error->endpoint]);
        proc_terminate($process);
        proc_close($process);
    },

    'a target that is none' => static function (): void {
        foreach (['', 'two words', 'ftp://x/y', "calc\0", "\xff"] as $target) {
            same('FAST_E_INVALID', thrown(InvalidException::class, static fn () => new Client($target))->fastCode);
        }
    },

    'options that are none' => static function (): void {
        $with = static fn (array $options) => thrown(InvalidException::class, static fn () => new Client('calc', $options))->getMessage();
        contains('did you mean "timeout_ms"', $with(['timout_ms' => 1]));
        contains('0 to 86400000', $with(['timeout_ms' => -1]));
        contains('timeout_ms', $with(['timeout_ms' => 1.5]));
        contains('p2c, round_robin', $with(['policy' => 'best']));
        contains('true or false', $with(['idempotent' => 'perhaps']));
        contains('"idempotent" is of type null', $with(['idempotent' => null]));
        contains('NUL', $with(['client_name' => "a\0b"]));
        contains('"0"', $with(['timeout_ms']));
        new Client('127.0.0.1:1', ['timeout_ms' => '7', 'idempotent' => true, 'announce_consumer' => 0, 'retries' => 1.0]);
    },

    'options of a call' => static function (): void {
        $client = new Client(CalcServer::shared()->target, ['idempotent' => true]);
        $with = static fn (array $options) => thrown(InvalidException::class, static fn () => $client->call('add', [1, 2], $options))->getMessage();
        contains('did you mean "timeout_ms"', $with(['timout_ms' => 1]));
        contains('0 to 86400000', $with(['timeout_ms' => -1]));
        contains('a call has timeout_ms', $with(['policy' => 'p2c']));
        contains('0 to 10', $with(['retries' => 11]));
        foreach ([['timeout_ms' => 0], ['retries' => 0], ['idempotent' => false, 'retries' => 3], ['timeout_ms' => '900', 'window' => 1], ['ignore_null_values' => true], ['ignore_null_values' => '0']] as $options) {
            same(3, $client->call('add', [1, 2], $options)[0]->sum);
        }
    },
];
