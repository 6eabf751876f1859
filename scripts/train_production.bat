@echo off
rem SPDX-License-Identifier: Apache-2.0
rem espy retrain production, with further options as given: %ESPY%, else the installed program, else the one
rem built beside this folder.
setlocal
if not "%ESPY%"=="" goto found
set "ESPY=espy"
where espy >nul 2>nul
if errorlevel 1 set "ESPY=%~dp0..\build\espy.exe"
:found
echo Trains the classifier from the students' photos and writes it into models/Classifier.
echo It runs: espy retrain production %*
pause
"%ESPY%" retrain production %*
set status=%errorlevel%
if not "%status%"=="0" echo It failed. The reason is in training.log in the output folder (models/Classifier).
pause
exit /b %status%
